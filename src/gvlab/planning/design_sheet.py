"""The design sheet: arms, doses in words and per animal, calendar, sampling, ARRIVE table, as one workbook."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gvlab import units
from gvlab.arrays import Array, Float
from gvlab.assay.readers.tables import safe_cell
from gvlab.errors import InvalidValueError, UnitError
from gvlab.experiment.experiment import Experiment
from gvlab.protocol import Dose
from gvlab.subject.cohort import BODY_MASS

PLAN_MARK = "PLAN, from simulation by GVLab; nothing here was measured"
"""Stands on top of every sheet and in every file of a plan."""

_COHORT = 200


def arms_table(experiment: Experiment, per_arm: int) -> pd.DataFrame:
    """Return one row an arm: how many animals, what is given, in words."""
    rows = [
        {
            "arm": arm.name,
            "animals": per_arm,
            "what is given": arm.protocol.in_words(),
            "what else is different": str(arm.condition) if arm.condition else "",
        }
        for arm in experiment.arms
    ]
    return pd.DataFrame(rows)


def doses_table(experiment: Experiment, seed: int) -> pd.DataFrame:
    """Return one row an arm and dose, with the amount for one animal of median body mass and the range over animals.

    The body masses are those of the virtual animals; weigh the real ones.
    """
    mass = experiment.system.cohort(_COHORT, seed).column(BODY_MASS) if _has_mass(experiment) else None
    rows = []
    for arm in experiment.arms:
        for dose in sorted(arm.protocol, key=lambda each: each.start):
            rows.append(
                {
                    "arm": arm.name,
                    "agent": dose.agent_definition.title,
                    "dose": dose.amount,
                    "per animal": _per_animal(dose, mass),
                    "first day": dose.start,
                    "last day": dose.times[-1],
                    "times": len(dose.times),
                    "route": dose.agent_definition.route_name(dose.route),
                    "in words": dose.in_words(),
                    "basis": _basis(experiment, dose),
                }
            )
    return pd.DataFrame(rows)


def _has_mass(experiment: Experiment) -> bool:
    return BODY_MASS in experiment.system.parameters()


def _per_animal(dose: Dose, mass: Float[Array, " subject"] | None) -> str:
    """Return the amount for one animal: "0.21 mg (0.18 to 0.24 mg for 18 to 24 g)"; the dose itself where it is one."""
    quantity = dose.quantity
    if not quantity.unit.endswith("/kg") or mass is None:
        return dose.amount
    unit = quantity.unit.removesuffix("/kg")
    try:
        low, middle, high = quantity.to(unit, body_mass=np.quantile(mass, [0.05, 0.5, 0.95]))
    except UnitError:
        return dose.amount
    light, heavy = 1000 * np.quantile(mass, [0.05, 0.95])
    return f"{middle:.3g} {unit} ({low:.3g} to {high:.3g} {unit} for {light:.0f} to {heavy:.0f} g)"


def _basis(experiment: Experiment, dose: Dose) -> str:
    """Return what the dose rests on, as its system does."""
    for spec in experiment.system.doses.values():
        if (spec.agent, spec.amount, spec.at) == (dose.agent, dose.amount, dose.at):
            return spec.note or str(spec.evidence)
    return "as written in the experiment"


def calendar(experiment: Experiment, start: dt.date | None = None) -> pd.DataFrame:
    """Return one row a day on which something is done, arms that get the same together.

    Parameters
    ----------
    experiment
        What is done.
    start
        Date of day 0; without it the column ``date`` is empty.
    """
    entries: dict[tuple[float, str], list[str]] = {}
    for arm in experiment.arms:
        for dose in arm.protocol:
            for number, time in enumerate(dose.times):
                count = f" (dose {number + 1} of {len(dose.times)})" if dose.repeats else ""
                agent = dose.agent_definition
                what = f"{agent.title}, {dose.amount}, {agent.route_name(dose.route)}{count}"
                entries.setdefault((time, what), []).append(arm.name)
    for day in sampling_days(experiment):
        entries.setdefault((day, "sampling, see the sampling calendar"), []).extend(a.name for a in experiment.arms)
    entries.setdefault((experiment.last_day, "end of the study"), []).extend(a.name for a in experiment.arms)
    everyone = len(experiment.arms)
    rows = [
        {
            "day": day,
            "date": _date(start, day),
            "what": what,
            "arms": "all arms" if len(arms) == everyone else "; ".join(arms),
        }
        for (day, what), arms in sorted(entries.items(), key=lambda item: item[0][0])
    ]
    return pd.DataFrame(rows)


def _date(start: dt.date | None, day: float) -> str:
    """Return the date of a day; "" without a date of day 0.

    Raises
    ------
    InvalidValueError
        If the calendar has no such date.
    """
    if start is None:
        return ""
    try:
        return (start + dt.timedelta(days=int(np.floor(day)))).isoformat()
    except OverflowError as error:
        raise InvalidValueError(
            f"Day {day:g} of a study that starts on {start} is beyond the calendar, which ends with the year 9999."
        ) from error


def sampling_days(experiment: Experiment) -> tuple[float, ...]:
    """Return the days on which published statements about the experiment ask for a reading."""
    asked = set()
    for finding in experiment.library.read_all("findings").values():
        for comparison in finding.comparisons:
            if finding.experiment == experiment.name and comparison.measure.readout is not None:
                asked.add(units.day(comparison.measure.at))
                asked.update([units.day(comparison.versus_at)] if comparison.versus_at else [])
    return tuple(sorted(day for day in asked if 0 < day <= experiment.last_day))


def sampling_table(experiment: Experiment, start: dt.date | None = None) -> pd.DataFrame:
    """Return one row a reading and assay that can make it, the specimen, and whether it kills the animal."""
    assays = experiment.library.read_all("assays")
    wanted = set(experiment.outputs())
    days = sampling_days(experiment) or (experiment.last_day,)
    rows = []
    for record in assays.values():
        words = {word for formula in record.formulas for word in _words(formula)}
        if record.name not in experiment.assays and not words & wanted:
            continue
        for day in days:
            rows.append(
                {
                    "day": day,
                    "date": _date(start, day),
                    "assay": record.title,
                    "specimen": record.specimen,
                    "animal is killed": "yes: plan animals of its own" if record.destructive else "no",
                    "wells or images a sample": record.replicates,
                    "done": "",
                }
            )
    columns = ["day", "date", "assay", "specimen", "animal is killed", "wells or images a sample", "done"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("day", kind="stable", ignore_index=True)


def _words(formula: str) -> list[str]:
    import re

    return re.findall(r"[A-Za-z_]\w*", formula)


def parse_date(text: str) -> dt.date | None:
    """Read a date as 2026-11-24; "" is none.

    Raises
    ------
    InvalidValueError
        If it is written otherwise.
    """
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise InvalidValueError(f'"{text}" is not a date. Write year-month-day, such as 2026-11-24.') from error


def save_workbook(path: Path, sheets: Mapping[str, pd.DataFrame], head: Sequence[str]) -> None:
    """Save tables as sheets of a workbook; no cell is a formula.

    Parameters
    ----------
    path
        Of the .xlsx.
    sheets
        By name.
    head
        Lines that stand above each table, the mark of a plan first.
    """
    import openpyxl
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    book = openpyxl.Workbook()
    book.remove(book.active)
    book.properties.creator = "GVLab"
    book.properties.description = PLAN_MARK
    wrap = Alignment(wrap_text=True, vertical="top")
    for name, table in sheets.items():
        sheet = book.create_sheet(name[:31])
        for line in head:
            sheet.append([safe_cell(line)])
            sheet.cell(sheet.max_row, 1).font = Font(italic=True, color="9C0006")
        sheet.append([])
        sheet.append([safe_cell(str(column)) for column in table.columns])
        header = sheet.max_row
        for cell in sheet[header]:
            cell.font = Font(bold=True)
            cell.fill = PatternFill("solid", fgColor="E8E8E8")
        for row in table.itertuples(index=False):
            sheet.append([_cell(value) for value in row])
            for cell in sheet[sheet.max_row]:
                cell.alignment = wrap
                if isinstance(cell.value, str) and "TO BE FILLED IN" in cell.value:
                    cell.fill = PatternFill("solid", fgColor="FFF2CC")
        for number, column in enumerate(table.columns, 1):
            longest = max([len(str(column)), *(len(str(value)) for value in table[column])], default=8)
            sheet.column_dimensions[get_column_letter(number)].width = min(70, longest + 2)
        sheet.freeze_panes = sheet.cell(header + 1, 1)
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
        sheet.sheet_properties.pageSetUpPr = openpyxl.worksheet.properties.PageSetupProperties(fitToPage=True)
    book.save(path)


def _cell(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else round(float(value), 6)
    if isinstance(value, np.integer):
        return int(value)
    return safe_cell(value)
