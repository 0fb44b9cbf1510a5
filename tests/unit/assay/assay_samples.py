"""Samples for every assay of the library, and true values that stay within the limits of each."""

from __future__ import annotations

import numpy as np

from gvlab.assay.assay import Assay
from gvlab.assay.samples import Samples

TRUTH = {
    "burden": 2e7,
    "IL15_serum": 60.0,
    "IL15_mRNA": 2.5,
    "irf7_expression": 1.0,
    "ATF4": 0.6,
    "pIRF7": 2.0,
    "IL15_promoter": 2.2,
    "cd107a_ifng_count": 2e5,
    "cd8_total": 1e6,
    "cd8_niche": 4e5,
    "Bcl2_cd8": 1.5,
    "PD1_cd8": 2.0,
    "normal_hematopoiesis": 0.8,
    "SRC_cd8": 1.8,
    "glycolytic_capacity_cd8": 1.4,
    "gvhd_damage": 0.5,
}


def alike(assay: Assay, count: int, **changed: float) -> Samples:
    """Give `count` samples with the same truth, each of its own day for an assay whose batch is the day.

    For a destructive assay each subject is there once.
    """
    truth = {**TRUTH, **changed}
    by_day = assay.parameters.record.batch == "day"
    subjects, days = (count, count) if by_day and count <= 300 else (count, 1)
    if by_day and not assay.parameters.record.destructive:
        subjects, days = 1, count
    values = {name: np.full((subjects, days), truth[name]) for name in assay.outputs}
    if subjects == days:
        values = {name: np.where(np.eye(subjects, dtype=bool), value, np.nan) for name, value in values.items()}
    names = [f"m{number}" for number in range(subjects)]
    return Samples(values, names, ["arm"] * subjects, np.arange(days, dtype=float))


def spread(count: int, times: tuple[float, ...], names: tuple[str, ...], **changed: float) -> Samples:
    """Give `count` subjects at some times with the usual truth."""
    truth = {**TRUTH, **changed}
    values = {name: np.full((count, len(times)), truth[name]) for name in names}
    arms = ["vehicle" if number < count // 2 else "drug" for number in range(count)]
    return Samples(values, [f"m{number}" for number in range(count)], arms, np.array(times))
