"""What is read on which day, of which arms - those that are expected to be alive -, and what it costs the animal."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import pandas as pd

from gvlab import units
from gvlab.experiment.experiment import Experiment
from gvlab.library.assay_record import AssayRecord
from gvlab.library.husbandry_record import HusbandryRecord
from gvlab.planning.blood import BloodSum, blood_of, blood_sum
from gvlab.planning.dates import date_of
from gvlab.planning.expected import ExpectedSurvival
from gvlab.planning.planned_comparison import PlannedComparison

COLUMNS = (
    "day",
    "date",
    "assay",
    "specimen",
    "arms",
    "expected alive",
    "left out",
    "blood, uL",
    "animal is killed",
    "wells or images a sample",
    "done",
)

FEWEST_ALIVE = 0.5
"""An arm of which fewer than this share are expected to be alive is not sampled."""


@dataclass(frozen=True)
class Sampling:
    """Readings of a plan.

    Attributes
    ----------
    table
        Columns `COLUMNS`, one row a day and assay.
    killed
        By day: the arms of which animals are killed, beside those that are compared.
    blood
        The largest sum of blood of one animal; None where none is taken.
    unknown_blood
        Assays of blood whose record names no volume.
    """

    table: pd.DataFrame
    killed: dict[float, list[str]]
    blood: BloodSum | None
    unknown_blood: tuple[str, ...] = ()

    def in_words(self) -> list[str]:
        """Return what must be said of the blood."""
        lines = [self.blood.in_words()] if self.blood else []
        if self.unknown_blood:
            lines.append(f"Blood not counted, since no volume is named: {', '.join(self.unknown_blood)}.")
        return lines


def sampling_days(experiment: Experiment) -> tuple[float, ...]:
    """Return the days on which published statements about the experiment ask for a reading."""
    return tuple(sorted(asked_readings(experiment)))


def asked_readings(experiment: Experiment) -> dict[float, set[str]]:
    """Return what published statements about the experiment ask to be read, by day."""
    asked: dict[float, set[str]] = {}
    for finding in experiment.library.read_all("findings").values():
        for comparison in finding.comparisons:
            if finding.experiment == experiment.name and comparison.measure.readout is not None:
                for at in (comparison.measure.at, comparison.versus_at):
                    if at:
                        asked.setdefault(units.day(at), set()).add(comparison.measure.readout)
    return {day: what for day, what in asked.items() if 0 < day <= experiment.last_day}


def plan_sampling(
    experiment: Experiment,
    comparison: PlannedComparison,
    survival: ExpectedSurvival,
    kept: HusbandryRecord | None,
    start: dt.date | None = None,
) -> Sampling:
    """Return what is read on which day.

    Parameters
    ----------
    experiment
        Its assays, its outputs, and the days that published statements ask for.
    comparison
        What is compared: its day is one of sampling.
    survival
        Who is expected to be alive.
    kept
        Limits of blood; None in a culture.
    start
        Date of day 0.
    """
    asked = asked_readings(experiment)
    if comparison.day is not None and not comparison.share:
        asked.setdefault(comparison.day, set()).add(comparison.assay or comparison.endpoint)
    killed: dict[float, list[str]] = {}
    rows, samples, unknown = [], [], []
    names = [arm.name for arm in experiment.arms]
    for record in experiment.library.read_all("assays").values():
        blood = blood_of(record, kept) if kept else 0.0
        for day in sorted(day for day, what in asked.items() if _reads(record, what, experiment)):
            alive = {arm: survival.alive(arm, day) for arm in names}
            taken = [arm for arm in names if alive[arm] >= FEWEST_ALIVE]
            if not taken:
                continue
            mine = record.name == comparison.assay and day == comparison.day
            if record.destructive and not mine:
                killed.setdefault(day, [])
                killed[day] += [arm for arm in taken if arm not in killed[day]]
            if blood is None and record.title not in unknown:
                unknown.append(record.title)
            samples.append((day, blood or 0.0) if not record.destructive else (day, 0.0))
            rows.append(
                (
                    day,
                    date_of(start, day),
                    record.title,
                    record.specimen,
                    "all arms" if taken == names else "; ".join(taken),
                    "; ".join(f"{100 * alive[arm]:.0f} %" for arm in taken),
                    "; ".join(f"{arm} ({100 * alive[arm]:.0f} % alive)" for arm in names if arm not in taken),
                    "" if not blood else f"{1000 * blood:.0f}",
                    _killing(record, mine),
                    record.replicates,
                    "",
                )
            )
    table = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("day", kind="stable", ignore_index=True)
    total = blood_sum(experiment, samples, kept) if kept else None
    return Sampling(table, killed, total, tuple(unknown))


def _killing(record: AssayRecord, mine: bool) -> str:
    if not record.destructive:
        return "no"
    return "yes: the animals that are compared" if mine else "yes: animals of its own"


def _reads(record: AssayRecord, asked: set[str], experiment: Experiment) -> bool:
    """Return whether an assay reads something that is asked: by its name, or an output that one of its formulas holds.

    Where the experiment names assays that do, those are taken and no others.
    """
    named = [name for name in experiment.assays if name in experiment.library.names("assays")]
    if record.name in asked or (record.name in named and _words(record) & asked):
        return True
    others = [experiment.library.read("assays", name) for name in named]
    covered = {word for other in others for word in _words(other)}
    return bool(_words(record) & (asked - covered))


def _words(record: AssayRecord) -> set[str]:
    return {word for formula in record.formulas for word in re.findall(r"[A-Za-z_]\w*", formula)}
