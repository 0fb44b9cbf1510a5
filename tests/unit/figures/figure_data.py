"""Made-up tables to try figures with. Nothing here comes from the model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

ARMS = ["BM", "BM + drug", "BM + T cells", "BM + T cells + drug"]
CAUSES = {1: "leukemia", 2: "GVHD", 3: "other"}


def events(n: int = 10, horizon: float = 100.0) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for arm, median, cured in zip(ARMS, (22, 31, 38, 60), (0.0, 0.0, 0.1, 0.6), strict=True):
        for subject in range(n):
            times = [median * np.exp(0.2 * rng.standard_normal()), rng.exponential(300), rng.exponential(900)]
            if rng.random() < cured:
                times[0] = np.inf
            duration = min(*times, horizon)
            cause = 0 if duration == horizon else 1 + int(np.argmin(times))
            rows.append((subject, arm, duration, int(cause > 0), 0.0, cause))
    return pd.DataFrame(rows, columns=["subject", "arm", "duration", "event_observed", "entry", "cause"])


def courses(n: int = 12) -> dict[str, xr.Dataset]:
    rng = np.random.default_rng(2)
    time = np.arange(0.0, 41.0)
    out = {}
    for i, arm in enumerate(ARMS):
        level = 10 * (1 + i * np.exp(-(((time - 12) / 6) ** 2))) * np.exp(0.1 * rng.standard_normal((n, 1)))
        death = (20 + 8 * i) * np.exp(0.2 * rng.standard_normal((n, 1)))
        values = np.where(time > death, np.nan, level)
        attrs = {"unit": "pg/mL", "title": "Serum cytokine"}
        out[arm] = xr.Dataset({"level": (("subject", "time"), values, attrs)}, {"time": time, "subject": np.arange(n)})
    return out


def edges() -> pd.DataFrame:
    rows = [
        ("e1", "drug", "kinase", -1, 1, 1.0, np.nan),
        ("e2", "kinase", "stress", 1, 1, 0.3, 0.25),
        ("e3", "stress", "factor", -1, 1, 0.4, 0.3),
        ("e4", "factor", "cytokine", 1, 1, 0.8, 4.5),
        ("e5", "cytokine", "cells", 1, 1, 0.7, 1.02),
        ("e6", "factor", "stress", 1, 1, 0.2, 1.4),
        ("e7", "kinase", "cells", 1, 0, 0.5, 0.2),
    ]
    return pd.DataFrame(rows, columns=["edge", "source", "target", "sign", "switch", "weight", "change"])
