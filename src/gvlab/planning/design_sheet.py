"""The design sheet: arms, doses in words and per animal, calendar, sampling, ARRIVE table, as one workbook."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gvlab.arrays import Array, Float
from gvlab.assay.readers.tables import safe_cell
from gvlab.errors import UnitError
from gvlab.experiment.experiment import Experiment
from gvlab.planning.dates import date_of
from gvlab.planning.protocol_details import TO_FILL, AgentDetails, ProtocolDetails
from gvlab.planning.sampling_calendar import sampling_days
from gvlab.planning.sham import days_in_words, sham_doses
from gvlab.protocol import Dose
from gvlab.subject.cohort import BODY_MASS

PLAN_MARK = "PLAN, from simulation by GVLab; nothing here was measured"
"""Stands on top of every sheet and in every file of a plan."""

_COHORT = 200


def arms_table(experiment: Experiment, sizes: Mapping[str, int]) -> pd.DataFrame:
    """Return one row an arm: how many animals, what is given, in words, and what stands in place of what is not."""
    shams = sham_doses(experiment)
    rows = [
        {
            "arm": arm.name,
            "animals": sizes[arm.name],
            "what is given": arm.protocol.in_words(),
            "in place of what others get": "; ".join(
                f"{each.title}, {days_in_words(each.days)}" for each in shams if each.arm == arm.name
            ),
            "what else is different": str(arm.condition) if arm.condition else "",
        }
        for arm in experiment.arms
    ]
    return pd.DataFrame(rows)


def doses_table(experiment: Experiment, seed: int, details: ProtocolDetails | None = None) -> pd.DataFrame:
    """Return one row an arm and dose, vehicle and sham doses too, with the amount for one animal of median body mass.

    The body masses are those of the virtual animals; weigh the real ones. What `details` lack is marked.
    """
    details = details or ProtocolDetails()
    mass = experiment.system.cohort(_COHORT, seed).column(BODY_MASS) if _has_mass(experiment) else None
    shams = sham_doses(experiment)
    rows = []
    for arm in experiment.arms:
        lines: list[tuple[Dose, tuple[float, ...], str]] = [(dose, dose.times, "") for dose in arm.protocol]
        lines += [(each.dose, each.days, each.title) for each in shams if each.arm == arm.name]
        for dose, days, sham in sorted(lines, key=lambda line: line[1][0]):
            agent = dose.agent_definition
            mine = details.agents.get(dose.agent, AgentDetails())
            liquid = agent.record.kind != "irradiation"
            rows.append(
                {
                    "arm": arm.name,
                    "agent": sham or agent.title,
                    "dose": "none" if sham else dose.amount,
                    "per animal": "same volume" if sham else _per_animal(dose, mass),
                    "volume": (mine.volume or TO_FILL) if liquid else "",
                    "concentration": "" if sham or not liquid else details.concentration(dose) or TO_FILL,
                    "formulation": (mine.formulation or TO_FILL) if liquid else "",
                    "first day": days[0],
                    "last day": days[-1],
                    "times": len(days),
                    "route": agent.route_name(dose.route),
                    "in words": f"{sham}, {days_in_words(days)}" if sham else dose.in_words(),
                    "basis": "blinding: others get the agent" if sham else _basis(experiment, dose),
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


def calendar(experiment: Experiment, start: dt.date | None = None, also: Sequence[float] = ()) -> pd.DataFrame:
    """Return one row a day on which something is done, arms that get the same together.

    Parameters
    ----------
    experiment
        What is done.
    start
        Date of day 0; without it the column ``date`` is empty.
    also
        Days of sampling beside those that published statements ask for.
    """
    entries: dict[tuple[float, str], list[str]] = {}
    for arm in experiment.arms:
        for dose in arm.protocol:
            for number, time in enumerate(dose.times):
                count = f" (dose {number + 1} of {len(dose.times)})" if dose.repeats else ""
                agent = dose.agent_definition
                what = f"{agent.title}, {dose.amount}, {agent.route_name(dose.route)}{count}"
                entries.setdefault((time, what), []).append(arm.name)
    for each in sham_doses(experiment):
        for number, time in enumerate(each.days):
            count = f" (dose {number + 1} of {len(each.days)})" if len(each.days) > 1 else ""
            what = f"{each.title}, {each.dose.agent_definition.route_name(each.dose.route)}{count}"
            entries.setdefault((time, what), []).append(each.arm)
    for day in sorted(set(sampling_days(experiment)) | set(also)):
        entries.setdefault((day, "sampling, see the sampling calendar"), []).extend(a.name for a in experiment.arms)
    entries.setdefault((experiment.last_day, "end of the study"), []).extend(a.name for a in experiment.arms)
    everyone = len(experiment.arms)
    rows = [
        {
            "day": day,
            "date": date_of(start, day),
            "what": what,
            "arms": "all arms" if len(arms) == everyone else "; ".join(arms),
        }
        for (day, what), arms in sorted(entries.items(), key=lambda item: item[0][0])
    ]
    return pd.DataFrame(rows)


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
    return safe_cell(round(float(value), 6) if isinstance(value, float | np.floating) else value)
