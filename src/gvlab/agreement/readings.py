"""Readings of a laboratory against what the virtual assay would read of virtual subjects on the same days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvlab import units
from gvlab.agreement.placement import ReadGroup, Virtual, placement_p_value
from gvlab.agreement.survival import BAND, FEWEST, plain_name
from gvlab.arrays import Array, Float
from gvlab.assay.assay import Assay
from gvlab.assay.batches import BATCH, read_in_batches
from gvlab.errors import InvalidValueError, UnitError, UnknownNameError
from gvlab.experiment.experiment import Experiment
from gvlab.simulation import Executor, SimulationTask, run_tasks, tasks_for
from gvlab.statistics import wilson_interval

_LEVEL = 0.05
_DRAWS = 4999
_MOSTLY = 0.65
"""A share of readings on one side of the median that is told as their side."""


@dataclass(frozen=True)
class ReadingAgreement:
    """Readings beside predicted readings, for one analyte.

    Attributes
    ----------
    analyte, unit
        What was read, in the unit of the prediction.
    predicted_by
        Assay and analyte, or output, that predicts it.
    observed
        Columns ``subject, arm, time, value``.
    band
        Columns ``arm, time, low, median, high, virtual``: the 90 % band over single subjects, by arm of the data.
    inside, counted
        Readings within the band, and readings that have a band.
    p_value
        How often readings of as many virtual subjects, on the same days, lie as unevenly among the predicted ones; NaN
        for fewer than `FEWEST` subjects.
    above
        Share of the readings above the predicted median.
    warnings
        Which virtual subjects could not be followed and are left out.
    """

    analyte: str
    unit: str
    predicted_by: str
    observed: pd.DataFrame
    band: pd.DataFrame
    inside: int
    counted: int
    p_value: float
    above: float
    warnings: tuple[str, ...] = ()

    def in_words(self) -> str:
        """Return how many readings lie in the band, and what that means."""
        share, expected = self.inside / self.counted, BAND[1] - BAND[0]
        low, high = wilson_interval(self.inside, self.counted)
        text = (
            f"{self.analyte} ({self.predicted_by}): {self.inside} of {self.counted} readings lie in the 90 % band, "
            f"{100 * share:.0f} % (95 % interval {100 * low:.0f} to {100 * high:.0f})."
        )
        if not np.isfinite(self.p_value):
            return f"{text} No verdict: that takes readings of {FEWEST} subjects or more."
        text += f" How they lie among the predicted ones: p = {self.p_value:.2g}."
        if self.p_value < _LEVEL:
            if self.above > _MOSTLY or self.above < 1 - _MOSTLY:
                side = "above" if self.above > _MOSTLY else "below"
                return f"{text} The prediction is contradicted: most readings lie {side} its median."
            if share < expected:
                return f"{text} The prediction is contradicted: the readings spread more than it says."
            return f"{text} The prediction is contradicted: the readings spread less than it says, or lie in a cluster."
        return f"{text} As would be expected by chance, so these data do not contradict the prediction."


def find_reading(analyte: str, unit: str, experiment: Experiment, named: Mapping[str, str]) -> tuple[str, str]:
    """Return what predicts an analyte: an assay and its analyte, or ("", output of the model).

    Where several assays read something of that name, the one whose unit fits is taken.

    Raises
    ------
    UnknownNameError
        If nothing of that name is known.
    """
    wanted = named.get(analyte, analyte)
    library = experiment.library
    if wanted in experiment.model.symbols:
        return "", wanted
    choices = {}
    for name, record in library.read_all("assays").items():
        choices.update({f"{name}.{each.name}": (name, each.name) for each in record.analytes})
    if wanted in choices:
        return choices[wanted]
    plain, fitting = plain_name(wanted), []
    for name, each in choices.values():
        spec = next(one for one in library.read("assays", name).analytes if one.name == each)
        if plain in (plain_name(each), plain_name(spec.title), plain_name(name)):
            fitting.append((not units.can_convert(unit, spec.unit), name, each))
    if fitting:
        return min(fitting)[1:]
    raise UnknownNameError("prediction for analyte", analyte, (*choices, *experiment.outputs()))


def reading_agreement(
    experiment: Experiment,
    data: pd.DataFrame,
    arms: Mapping[str, str],
    *,
    subjects: int,
    seed: int,
    named: Mapping[str, str] | None = None,
    executor: Executor | str | None = None,
    progress: Callable[[int], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> list[ReadingAgreement]:
    """Compare readings with what the virtual assay, with its error, would read of virtual subjects on the same days.

    Parameters
    ----------
    experiment, arms, subjects, seed, executor, progress, cancel
        As in `survival_agreement`.
    data
        Columns ``subject, arm, time, analyte, value, unit``.
    named
        By analyte of the data: an assay and its analyte (``serum_il15.IL15``), or an output of the model, which is read
        without error.

    Raises
    ------
    InvalidValueError
        If a unit does not fit, or a reading has no day or lies outside the experiment.
    """
    data = data[data["arm"].isin(list(arms))]
    if data["time"].isna().any():
        raise InvalidValueError('A reading without a day cannot be laid over a prediction. Add a column "day".')
    data, left_out = _comparable(data)
    last = float(data["time"].max())
    if last > experiment.last_day:
        raise InvalidValueError(
            f"There are readings on day {last:g}, and the experiment ends on day {experiment.last_day:g}. "
            "Leave them out."
        )
    sources = {
        str(name): find_reading(str(name), str(rows["unit"].iloc[0]), experiment, named or {})
        for name, rows in data.groupby("analyte", sort=False)
    }
    assays = {name: Assay.named(name, experiment.system.contexts) for name, _ in sources.values() if name}
    outputs = {output for name, output in sources.values() if not name}
    outputs.update(output for assay in assays.values() for output in assay.outputs)
    days = sorted(float(day) for day in data["time"].unique())
    planned = [experiment.arm(predicted) for predicted in arms.values()]
    tasks = tasks_for(
        subjects,
        lambda n: experiment.system.cohort(n, seed),
        lambda cohort: [
            SimulationTask(
                experiment.model,
                cohort,
                arm.protocol,
                arm.condition,
                until=experiment.last_day,
                times=sorted({0.0, *days}),
                outputs=sorted(outputs),
                label=arm.name,
            )
            for arm in planned
        ],
    )
    results = run_tasks(tasks, executor=executor, progress=progress, cancel=cancel)
    warnings = (*left_out, *(f"{result.task.label}: {words}" for result in results for words in result.warnings))
    runs = {arm: result.get() for arm, result in zip(arms, results, strict=True)}
    found: list[ReadingAgreement] = []
    for analyte, (name, what) in sources.items():
        rows = data[data["analyte"] == analyte]
        unit = assays[name].unit(what) if name else experiment.model.unit(what)
        values = _converted(rows, unit, analyte)
        observed = rows[["subject", "arm", "time"]].assign(value=values).reset_index(drop=True)
        bands: list[tuple[str, float, float, float, float, int]] = []
        virtual: dict[tuple[str, float], Float[Array, " virtual"]] = {}
        for arm in dict.fromkeys(observed["arm"]):
            for day in sorted({float(time) for time in observed.loc[observed["arm"] == arm, "time"]}):
                rng = np.random.default_rng([seed, len(bands)])
                truth = {output: np.where(runs[arm].ok, runs[arm].at(output, day), np.nan) for output in outputs}
                read = read_in_batches(assays[name], what, truth, day, rng) if name else truth[what]
                virtual[str(arm), day] = read
                read = read[np.isfinite(read)]
                limits = np.quantile(read, [BAND[0], 0.5, BAND[1]]) if len(read) else np.full(3, np.nan)
                bands.append((arm, day, float(limits[0]), float(limits[1]), float(limits[2]), len(read)))
        band = pd.DataFrame(bands, columns=["arm", "time", "low", "median", "high", "virtual"])
        joined = observed.merge(band, on=["arm", "time"])
        known = joined[joined["low"].notna()]
        inside = int(((known["value"] >= known["low"]) & (known["value"] <= known["high"])).sum())
        if known.empty:
            raise InvalidValueError(f'No virtual subject lives on the days on which "{analyte}" was read.')
        predicted_by = f"{name}, {what}" if name else f"{what}, without error of an instrument"
        p_value = float("nan")
        if known["subject"].nunique() >= FEWEST:
            batch = BATCH if name else subjects
            rng = np.random.default_rng([seed, len(found), 1])
            p_value = placement_p_value(_groups(known, virtual), virtual, batch, _DRAWS, rng)
        above = float((known["value"] > known["median"]).mean())
        found.append(
            ReadingAgreement(analyte, unit, predicted_by, observed, band, inside, len(known), p_value, above, warnings)
        )
    return found


def _groups(known: pd.DataFrame, virtual: Virtual) -> list[ReadGroup]:
    """Return the readings by arm and by the days on which a subject was read; several of a day are averaged.

    Where no virtual subject lives through all days of one, its days stand each for itself.
    """
    rows = known.groupby(["arm", "subject", "time"], sort=False)["value"].mean().reset_index()
    days: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for arm, subject, time, value in rows.itertuples(index=False):
        days.setdefault((str(arm), str(subject)), []).append((float(time), float(value)))
    alike: dict[tuple[str, tuple[float, ...]], list[list[float]]] = {}
    for (arm, _), read in days.items():
        read.sort()
        alike.setdefault((arm, tuple(day for day, _ in read)), []).append([value for _, value in read])
    found: list[ReadGroup] = []
    for (arm, when), members in alike.items():
        values = np.array(members)
        if np.all([np.isfinite(virtual[arm, day]) for day in when], axis=0).any():
            found.append(ReadGroup(arm, when, values))
        else:
            found += [ReadGroup(arm, (day,), values[:, [column]]) for column, day in enumerate(when)]
    return found


def _comparable(data: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the readings that a prediction can be held against, and a sentence on each kind of the others.

    Raises
    ------
    InvalidValueError
        If none is left.
    """
    before, unnamed = data["time"] < 0, data["value"].isna()
    said = [
        f"{int(rows.sum())} readings {what}; they are not compared."
        for rows, what in (
            (before, "are of days before day 0, where the experiment begins"),
            (unnamed, "lie beyond a limit that the file does not name"),
        )
        if rows.any()
    ]
    kept = data[~before & ~unnamed]
    if kept.empty:
        raise InvalidValueError(f"No reading is left that can be compared: {' '.join(said)}")
    return kept, tuple(said)


def _converted(rows: pd.DataFrame, unit: str, analyte: str) -> Float[Array, " reading"]:
    written = str(rows["unit"].iloc[0])
    try:
        units.check_unit(written)
        return np.asarray(units.convert(rows["value"].to_numpy(dtype=np.float64), written, unit))
    except UnitError as error:
        raise InvalidValueError(
            f'"{analyte}" is in {written}, and the prediction in {unit}: {error} Say what predicts it with --reads '
            f'"{analyte}=ASSAY.ANALYTE".'
        ) from error
