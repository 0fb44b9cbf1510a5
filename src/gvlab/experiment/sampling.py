"""Virtual assays on results: which animals are read, on which days, by which stream of chance.

Every assay has its own stream, made of the seed of the run, what was run and the days of sampling, so that reading one
more assay changes no other, and the same seed gives the same readings. A destructive assay reads each animal once.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.lazy import LazyModule

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")

if TYPE_CHECKING:
    from gvlab.assay.assay import Assay
    from gvlab.assay.samples import Readings, Samples
    from gvlab.experiment.results import Results

FloatArray = npt.NDArray[np.float64]


def assay_of(results: Results, name: str) -> Assay:
    """Return an assay of the library with its numbers for the system of the results; errors as `Assay.named`."""
    from gvlab.assay.assay import Assay

    return Assay.named(name, results.experiment.system.contexts, library=results.experiment.library)


def stream(results: Results, name: str, days: Sequence[float]) -> np.random.Generator:
    """Return the stream of chance of an assay on these days."""
    what = f"{name} {results.experiment.name or results.experiment.title} {results.experiment.system.name}"
    minutes = [round(1440 * day) for day in days]
    return np.random.default_rng([results.seed, zlib.crc32(what.encode()), *minutes])


def draw(results: Results, n: int, skip: int = 0) -> Results:
    """Draw as many animals for each arm as a laboratory has, different ones in each arm as far as there are enough.

    Parameters
    ----------
    results
        Of virtual subjects, many or few.
    n
        Animals an arm; where fewer were simulated, all of them.
    skip
        How many animals of the run other experiments have used; those that follow are taken.

    Returns
    -------
    Results of the animals drawn. They follow one another in the order of the run, and after the last comes the first.
    """
    if n < 1:
        raise InvalidValueError(f"{n} animals an arm are asked for. Draw at least one.")
    runs = {}
    for place, (arm, run) in enumerate(results.runs.items()):
        start = (skip + place * n) if results.paired else skip
        runs[arm] = run.select((start + np.arange(min(n, len(run)))) % len(run))
    return dataclasses.replace(results, runs=runs, paired=False, keys={})


def samples(results: Results, assay: Assay, days: Sequence[float], *, humane: bool = False) -> Samples:
    """Take samples of every animal that is alive on these days.

    Parameters
    ----------
    results, assay
        What was run, and what is to be read.
    days
        Days of sampling. A destructive assay gives each animal one of them, balanced within arms.
    humane
        Leave out animals that had to be killed before, as `humane_endpoints` says.

    Raises
    ------
    UnknownNameError, InvalidValueError
        If the run did not record what the assay needs, or not on these days.
    """
    from gvlab.assay.samples import Samples

    times = np.unique(np.asarray(days, dtype=np.float64))
    rows: dict[str, list[FloatArray]] = {output: [] for output in assay.outputs}
    subjects: list[str] = []
    arms: list[str] = []
    for place, (arm, run) in enumerate(results.runs.items()):
        for output, column in rows.items():
            if output not in run.outputs:
                raise UnknownNameError(
                    "output", output, run.outputs, f'the run; add "{assay.name}" to the assays of the experiment'
                )
            column.append(np.stack([results.reading(output, float(day), arm) for day in times], axis=1))
        subjects += [label(place, number) for number in run.numbers]
        arms += [arm] * len(run)
    values = {output: np.concatenate(column) for output, column in rows.items()}
    if humane:
        ended = dict(humane_endpoints(results)[["subject", "time"]].itertuples(index=False, name=None))
        gone = times[None, :] > np.array([ended.get(subject, np.inf) for subject in subjects])[:, None]
        values = {output: np.where(gone, np.nan, value) for output, value in values.items()}
    taken = Samples(values, subjects, arms, times)
    if assay.parameters.record.destructive and len(times) > 1:
        taken = taken.one_time_each(stream(results, f"{assay.name} sampling", list(times)))
    return taken


def read(results: Results, name: str, days: Sequence[float], *, humane: bool = False, raw: bool = False) -> Readings:
    """Read an assay of the library on animals of a run.

    Parameters
    ----------
    results
        What was run.
    name
        Of the assay.
    days, humane
        As in `samples`.
    raw
        Whether files are made as the instrument writes them.

    Returns
    -------
    Readings; subjects are labels of `label`.
    """
    assay = assay_of(results, name)
    return assay.read(samples(results, assay, days, humane=humane), stream(results, name, days), raw)


def label(place: int, number: int) -> str:
    """Name an animal: a letter for its arm, and its number, "B17"."""
    letter = chr(ord("A") + place % 26) * (1 + place // 26)
    return f"{letter}{int(number)}"


def number_of(subject: str) -> int:
    """Return the number in a label."""
    return int(subject.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def humane_endpoints(results: Results, limits: Mapping[str, tuple[str, float]] | None = None) -> pd.DataFrame:
    """Return which animals had to be killed, and when: a look every day, with an observer's error.

    Parameters
    ----------
    results
        What was run; burden and graft-versus-host damage must have been recorded.
    limits
        By analyte of the clinical score, "at least" or "at most" and the limit; those of its record where None.

    Returns
    -------
    One row an animal that met a limit: subject (label), arm, time (days), analyte, value.
    """
    from gvlab.assay.clinical import humane_endpoint

    times = next(iter(results.runs.values())).times
    assays = results.experiment.library.read_all("assays")
    clinical = next((name for name, record in assays.items() if record.method == "clinical"), "")
    if not clinical:
        raise InvalidValueError("No assay of the library is clinical, so nobody looks after the animals. Add one.")
    table = read(results, clinical, [float(day) for day in times if day > 0]).table
    if limits is None:
        named = [(analyte.name, analyte.humane) for analyte in assays[clinical].analytes]
        limits = {name: (humane.sense, humane.limit) for name, humane in named if humane is not None}
    return humane_endpoint(table, limits)


def upper_limit(assay: Assay) -> float | None:
    """Return the limit above which a reading of an ELISA is flagged; None for other assays."""
    from gvlab.assay import elisa

    return elisa.limits(assay.parameters)[1] if assay.parameters.record.method == "elisa" else None


def lower_limit(assay: Assay) -> float | None:
    """Return the limit below which a reading is flagged: LLOQ of an ELISA, floor of a camera; else None."""
    from gvlab.assay import elisa, imaging
    from gvlab.assay.samples import SampleRows

    setting = assay.parameters
    if setting.record.method == "elisa":
        return elisa.limits(setting)[0]
    if setting.record.method == "imaging":
        return imaging.floor(SampleRows(setting, (), (), np.zeros(0), np.zeros(0, dtype=np.intp), {}))
    return None
