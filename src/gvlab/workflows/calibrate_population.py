"""Calibrate a population of patients: move it to clinical benchmarks, weigh it, and say how it meets them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import yaml
from pydantic import Field

from gvlab.calibration.patients import (
    Calibrated,
    calibrate_population,
    distance,
    interval,
)
from gvlab.calibration.recalibrations import COVERAGE, Recalibrated, recalibrated
from gvlab.errors import InvalidValueError
from gvlab.library import Library
from gvlab.library.benchmark_record import BenchmarkSet
from gvlab.simulation.failures import in_common
from gvlab.workflows.bundle import Bundle, Table
from gvlab.workflows.progress import CancelToken, ProgressSink, Stage
from gvlab.workflows.request import Request

FEWEST = 50
"""Effective patients below which weights say nothing; see `allow_collapse`."""


class PopulationRequest(Request):
    """Which benchmarks, and how many patients."""

    benchmarks: str = ""
    """A set of benchmarks of the library; the only one where empty."""
    seed: Annotated[int, Field(ge=0)] = 1
    patients: Annotated[int, Field(ge=64, le=200_000)] = 5000
    """Patients of the result; each move has a fifth of them, 1,024 at least."""
    moves: Annotated[int, Field(ge=0, le=100)] = 12
    """How often medians and spreads are moved; 0 only weighs the prior."""
    left_out: bool = False
    """Whether each benchmark is also predicted by a population found without it."""
    recalibrations: Annotated[int, Field(ge=0, le=10_000)] = 0
    """How often it is calibrated again, to benchmarks and patients with other luck; 0 gives no intervals."""
    checkpoints: Path | None = None
    """A folder in which a stopped run goes on where it was; None: nothing is kept."""
    allow_collapse: bool = False
    """Whether weights that leave fewer than 50 effective patients are a result."""


def calibrate_patients(
    request: PopulationRequest,
    *,
    library: Library | None = None,
    progress: ProgressSink | None = None,
    cancel: CancelToken | None = None,
) -> Bundle[Calibrated]:
    """Return a population that was moved and weighed to a set of benchmarks, and how it meets each of them.

    Raises
    ------
    UnknownNameError
        If the library has no such set.
    InvalidValueError
        If weights leave fewer than 50 effective patients and that is not allowed.
    """
    held = Library.default() if library is None else library
    benchmarks: BenchmarkSet = held.read("benchmarks", request.benchmarks or _only(held))

    def stage(name: str, total: int) -> Any:
        return Stage(name, total, "patients", sink=progress, cancel=cancel).advance

    def without_it(of: str) -> Callable[[str, int], Any]:
        return lambda name, total: stage(f"Without {of}: {name[0].lower()}{name[1:]}", total)

    each = max(1024, request.patients // 5)
    found = calibrate_population(
        benchmarks,
        held,
        request.seed,
        patients=each,
        moves=request.moves,
        final_patients=request.patients,
        checkpoints=request.checkpoints,
        stage=stage,
        cancel=cancel,
    )
    worth = found.fit.effective_patients
    if worth < FEWEST and not request.allow_collapse:
        raise InvalidValueError(
            f"The weights leave {worth:.0f} effective patients of {request.patients:,}; below {FEWEST} they say "
            "nothing. Move more (--moves), draw more (--patients), or take them as they are with --allow-collapse."
        )
    again = recalibrated(
        found,
        benchmarks,
        held,
        request.recalibrations,
        request.seed,
        patients=each,
        checkpoints=request.checkpoints,
        progress=Stage(
            "Calibrations to other luck", request.recalibrations, "calibrations", sink=progress, cancel=cancel
        ).advance
        if request.recalibrations
        else None,
        cancel=cancel,
    )
    rows = list(_rows(benchmarks, found, again))
    if request.left_out:
        for row in rows:
            if row["use"] == "calibrate":
                without = calibrate_population(
                    benchmarks,
                    held,
                    request.seed,
                    patients=1024,
                    moves=request.moves,
                    leave_out=row["id"],
                    checkpoints=request.checkpoints,
                    stage=without_it(row["id"]),
                    cancel=cancel,
                )
                row["left_out"] = without.expected.share(row["id"], without.fit.weights)
                row["left_out_inside"] = bool(row["low"] <= row["left_out"] <= row["high"])
    return _bundle(request, benchmarks, found, rows, again)


def _only(library: Library) -> str:
    names = library.names("benchmarks")
    if len(names) != 1:
        raise InvalidValueError(f"The library has {len(names)} sets of benchmarks; name one of: {', '.join(names)}.")
    return str(names[0])


def _rows(benchmarks: BenchmarkSet, found: Calibrated, again: Recalibrated) -> Iterable[dict[str, Any]]:
    for row in benchmarks.benchmarks:
        low, high = interval(row)
        share = found.expected.share(row.id, found.fit.weights)
        yield {
            "id": row.id,
            "title": row.title,
            "use": row.use,
            "published": row.value,
            "n": row.n,
            "low": low,
            "high": high,
            "unweighted": found.expected.share(row.id, found.expected.solved),
            "population": share,
            "inside": bool(low <= share <= high),
            **_over_calibrations(again, row.id),
        }


def _over_calibrations(again: Recalibrated, setting: str) -> dict[str, float]:
    if not len(again):
        return {}
    low, high = again.interval(setting)
    return {"calibrations_low": low, "calibrations_high": high}


def _predictions(benchmarks: BenchmarkSet, found: Calibrated, again: Recalibrated) -> Iterable[dict[str, Any]]:
    for row in benchmarks.predictions:
        yield {
            "id": row.id,
            "title": row.title,
            "unweighted": found.expected.share(row.id, found.expected.solved),
            "population": found.expected.share(row.id, found.fit.weights),
            **_over_calibrations(again, row.id),
        }


def _bundle(
    request: PopulationRequest,
    benchmarks: BenchmarkSet,
    found: Calibrated,
    rows: list[dict[str, Any]],
    again: Recalibrated,
) -> Bundle[Calibrated]:
    deciding = [row for row in rows if row["use"] == "calibrate"]
    held_out = [row for row in rows if row["use"] == "hold-out"]
    met = sum(row["inside"] for row in deciding)
    largest = found.fit.largest
    lost = np.flatnonzero(found.expected.solved == 0)
    followed = f"{len(lost)} could not be followed to the end{in_common(found.cohort, lost.tolist())}"
    outside = [f"{row['id']} ({row['population']:.2f} for {row['published']:.2f})" for row in rows if not row["inside"]]
    lines = [
        f"{len(found.cohort):,} patients are worth {found.fit.effective_patients:,.0f} after weighing; the largest "
        f"weight is {100 * largest:.2f} %. {followed}.",
        f"Outside their 95 % intervals: {', '.join(outside)}."
        if outside
        else "Every benchmark is inside its interval.",
    ]
    if not request.recalibrations:
        lines.append("No intervals over calibrations; --recalibrations 100 gives them, for little more time.")
    if request.left_out:
        inside = sum(row.get("left_out_inside", False) for row in rows)
        lines.append(f"Left out and predicted: {inside} of {len(deciding)} inside their intervals.")
    summary = (
        f"{met} of {len(deciding)} benchmarks that decide and {sum(row['inside'] for row in held_out)} of "
        f"{len(held_out)} hold-outs are inside their 95 % intervals."
    )
    predictions = list(_predictions(benchmarks, found, again))
    calibrating = [row for row in benchmarks.benchmarks if row.use == "calibrate"]
    data = {
        "seed": request.seed,
        "patients": len(found.cohort),
        "effective_patients": found.fit.effective_patients,
        "largest_weight": largest,
        "pull_of_benchmarks": found.fit.strength,
        "not_followed": len(lost),
        "not_followed_in_words": followed,
        "distance_unweighted": list(found.history),
        "distance_weighted": distance(found.expected, calibrating, found.fit.weights),
        "recalibrations": request.recalibrations,
        "coverage_of_recalibrations": COVERAGE,
        "effective_patients_of_recalibrations": [float(number) for number in np.round(again.effective_patients, 1)],
        "recalibrations_that_followed_patients": int(np.count_nonzero(again.followed)),
        "benchmarks": rows,
        "predictions": predictions,
    }
    order = found.by_prognosis(benchmarks)
    weights = pd.DataFrame({"subject": found.cohort.numbers[order], "weight": found.fit.weights[order]})
    file = found.population.name
    return Bundle(
        request,
        found,
        lines=tuple(lines),
        summary=summary,
        tables={
            "table.csv": Table(_short(rows)),
            "benchmarks.csv": Table(pd.DataFrame(rows)),
            "predictions.csv": Table(pd.DataFrame(predictions)),
        },
        documents={
            f"{file}.yaml": population_text(found),
            f"{file}.weights.tsv": weights.to_csv(sep="\t", index=False, float_format="%.4g", lineterminator="\n"),
        },
        data={"population.json": data},
        contents={
            "table.csv": "the same in few columns",
            "benchmarks.csv": "each benchmark, and what the population says",
            "predictions.csv": "what the population says of each arm, with an interval over calibrations",
            f"{file}.yaml": "the population that was moved; put it into a library's folder populations",
            f"{file}.weights.tsv": "the weight of each patient, by prognosis; it goes into the same folder",
            "population.json": "the same for programs",
        },
        shown="table.csv",
    )


def _short(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "benchmark": [f"{row['id']} {row['title'].lower()}" for row in rows],
            "use": [row["use"] for row in rows],
            "published": [
                f"{100 * row['published']:.0f} % ({100 * row['low']:.0f}-{100 * row['high']:.0f})" for row in rows
            ],
            "population": [f"{100 * row['population']:.0f} %" for row in rows],
            "inside": ["yes" if row["inside"] else "NO" for row in rows],
        }
    )


def population_text(found: Calibrated) -> str:
    """Return the population as a file of a library."""
    content = found.population.model_dump(mode="json", exclude_defaults=True)
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))
