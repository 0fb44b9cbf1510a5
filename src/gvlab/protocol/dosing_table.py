"""A protocol as a dosing table with NONMEM's columns, and back; what a row asks for is done, or refused in words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gvlab import units
from gvlab.errors import ProtocolError, UnknownNameError
from gvlab.library import Library
from gvlab.protocol.agent import Agent
from gvlab.protocol.dose import Dose

if TYPE_CHECKING:
    import pandas as pd

    from gvlab.protocol.protocol import Protocol

TABLE_COLUMNS = ("ID", "TIME", "AMT", "EVID", "CMT", "RATE", "ADDL", "II", "SS", "AGENT", "UNIT", "ROUTE")
"""NONMEM's columns, times in days, and the three that say what they mean."""

READ_TOO = ("DUR", "DV", "MDV")
"""Further columns that are read: the duration of an infusion, and what belongs to observations."""

PORTION = 1 / 288
"""Longest time between two portions of an infusion in days (five minutes); the portions are equal."""

LEAST_PORTIONS = 512
"""Of one infusion. While it lasts, what is in the body is right to half a portion, 0.1 % of the dose, and after its end
to (k * portion)^2 / 24 of itself, where k is the rate at which it leaves: below 0.1 % up to 44 a day."""

_MOST_PORTIONS = 20_000
_OBSERVATION, _DOSE, _OTHER, _RESET, _RESET_AND_DOSE = 0, 1, 2, 3, 4
_WAY_OUT = {
    _OTHER: "which changes something without a dose. Remove the row, and change it by a condition of the arm.",
    _RESET: "which sets a subject back, and nothing can. Remove the row, and give what follows as a new ID.",
}


def write_table(protocol: Protocol, subject: int | str = 1) -> pd.DataFrame:
    """Return a protocol as a dosing table, one row a dose, more where it is held; TIME and II are in days.

    CMT is the name of the state that the dose enters first, as mrgsolve reads it. It is left empty where the amount
    becomes one of the state only with a body mass or a molar mass: another program would add the bare number.

    Raises
    ------
    ProtocolError
        If a dose is of cells out of a primary recipient.
    """
    import pandas as pd

    rows = []
    for dose in protocol.doses:
        if dose.harvest is not None:
            raise ProtocolError(f'A dosing table cannot say where the cells of "{dose.agent}" come from.')
        if dose.when is not None:
            raise ProtocolError(
                f'A dosing table cannot say when "{dose.agent}" is not given: "{dose.when}" is asked of each subject. '
                "Leave it out, or write SBML, where it is the trigger of an event."
            )
        rows += [_line(dose, dose.route, subject, *run) for run in _runs(dose)]
        rows += [_line(dose, dose.route_definition.ended_by, subject, stop, 0) for stop in dose.stops]
    return pd.DataFrame(rows, columns=list(TABLE_COLUMNS)).sort_values("TIME", kind="stable", ignore_index=True)


def _line(dose: Dose, route: str | None, subject: int | str, start: float, again: int) -> dict[str, Any]:
    amount, (target, unit) = dose.quantity, _enters(dose.agent_definition, route)
    return {
        "ID": subject,
        "TIME": start,
        "AMT": amount.value,
        "EVID": _DOSE,
        "CMT": target if target and units.can_convert(amount.unit, unit) else "",
        "RATE": 0,
        "ADDL": again,
        "II": dose.interval if again else 0.0,
        "SS": 0,
        "AGENT": dose.agent,
        "UNIT": amount.unit,
        "ROUTE": dose.agent_definition.route_name(route),
    }


def _runs(dose: Dose) -> Iterator[tuple[float, int]]:
    """Return doses that no hold interrupts: the first day, and how often it is given again."""
    if dose.every is None:
        yield from ((time, 0) for time in dose.times)
        return
    for held, times in itertools.groupby(dose.planned, dose.is_held):
        days = list(times)
        if not held:
            yield days[0], len(days) - 1


def read_table(table: pd.DataFrame, library: Library | None = None) -> dict[Any, Protocol]:
    """Return the protocol of each subject in a dosing table; TIME, II and DUR in days, RATE per day.

    Rows of observations (EVID 0) are passed over, with their DV. An infusion (RATE or DUR) is given in equal portions,
    each in the middle of its time; `PORTION` and `LEAST_PORTIONS` say how exact that is. Names of columns may be in
    lower case; an empty cell and "." are what is not said.

    Raises
    ------
    ProtocolError
        If a column is missing or unknown, or a row asks for what a dose cannot do or contradicts itself.
    """
    from gvlab.protocol.protocol import Protocol

    table = table.rename(columns=_columns(table.columns))
    missing = [name for name in ("TIME", "AMT", "AGENT", "UNIT") if name not in table.columns]
    if missing:
        raise ProtocolError(f"The dosing table lacks {', '.join(missing)}.")
    found: dict[Any, list[Dose]] = {}
    for number, row in enumerate(table.to_dict("records"), 1):
        cells = {str(name): cell for name, cell in row.items() if not _empty(cell)}
        doses = found.setdefault(cells.get("ID", 1), [])
        doses.extend(_doses(_Row(number, cells), bool(doses), library))
    return {subject: Protocol(tuple(doses)) for subject, doses in found.items()}


def _columns(names: Any) -> dict[str, str]:
    """Return NONMEM's name of each column of a table."""
    known = (*TABLE_COLUMNS, *READ_TOO)
    called: dict[str, str] = {}
    for name in map(str, names):
        upper = name.strip().upper()
        if upper not in known:
            raise ProtocolError(f"{UnknownNameError('column', name, known, 'the dosing table')} Remove or rename it.")
        if upper in called.values():
            raise ProtocolError(f"The dosing table has the column {upper} twice. Keep one.")
        called[name] = upper
    return called


def _empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell)) or str(cell).strip() in ("", ".", "<NA>")


class _Row:
    """One row of the table, with errors that name it."""

    def __init__(self, number: int, cells: Mapping[str, Any]) -> None:
        self.number = number
        self.cells = cells

    def refuse(self, what: str) -> ProtocolError:
        return ProtocolError(f"Row {self.number} of the dosing table {what}")

    def text(self, column: str) -> str:
        return str(self.cells.get(column, "")).strip()

    def value(self, column: str, default: float | None = 0.0) -> float:
        if column not in self.cells:
            if default is None:
                raise self.refuse(f"has no {column}. Fill it in.")
            return default
        try:
            found = float(self.cells[column])
        except (TypeError, ValueError):
            found = math.nan
        if not math.isfinite(found):
            raise self.refuse(f"has {column} = {self.cells[column]}, which is no number.")
        return found

    def whole(self, column: str, default: int) -> int:
        found = self.value(column, default)
        if found != int(found):
            raise self.refuse(f"has {column} = {found:g}; it is a whole number.")
        return int(found)


def _doses(row: _Row, later: bool, library: Library | None) -> Iterator[Dose]:
    # Without EVID a row without an amount is an observation, as NONMEM has it.
    event = row.whole("EVID", _OBSERVATION if row.value("AMT") == 0 and "DV" in row.cells else _DOSE)
    if event == _OBSERVATION:
        if row.value("AMT") != 0:
            raise row.refuse(
                f"has EVID = 0, an observation, and AMT = {row.value('AMT'):g}, which would not be given. Write EVID 1 "
                "if it is a dose, or leave AMT empty."
            )
        return
    if event == _RESET_AND_DOSE and later:
        raise row.refuse("has EVID = 4 after other doses: nothing can set a subject back. Give it as a new ID.")
    if event in _WAY_OUT:
        raise row.refuse(f"has EVID = {event}, {_WAY_OUT[event]}")
    if event not in (_DOSE, _RESET_AND_DOSE):
        raise row.refuse(f"has EVID = {event}; only 0 (an observation), 1 (a dose) and a first 4 can be read.")
    if row.value("SS") != 0:
        raise row.refuse(
            f"has SS = {row.value('SS'):g}; a steady state is not computed. Leave SS out, "
            "and let the doses begin so much earlier that it is reached: with ADDL and II, and TIME below 0 if need be."
        )
    repeats, interval = row.whole("ADDL", 0), row.value("II")
    if repeats < 0:
        raise row.refuse(f"has ADDL = {repeats}; it counts further doses, so it is not negative.")
    if repeats and not interval > 0:
        raise row.refuse(f"repeats {repeats} times without an interval. Give II.")
    if interval and not repeats:
        raise row.refuse(
            f"has II = {interval:g} and no ADDL, so nothing is given again. Say how often in ADDL, or leave II out."
        )
    amount, start, lasts = row.value("AMT", None), row.value("TIME", None), _duration(row)
    if lasts and repeats and lasts > interval:
        raise row.refuse(f"begins an infusion every {interval:g} days that lasts {lasts:g} days.")
    if not lasts:
        yield _dose(row, amount, start, repeats, interval, library)
        return
    portions = max(LEAST_PORTIONS, math.ceil(lasts / PORTION))
    if portions * (repeats + 1) > _MOST_PORTIONS:
        raise row.refuse(
            f"gives {lasts * (repeats + 1):g} days of infusion in {repeats + 1} parts, as {portions * (repeats + 1):,} "
            f"portions; at most {_MOST_PORTIONS:,} are given. Make it shorter or rarer, or give doses at once."
        )
    each = lasts / portions
    for again in range(repeats + 1):
        begins = start + again * interval + each / 2
        yield _dose(row, amount / portions, begins, portions - 1, each, library)


def _duration(row: _Row) -> float:
    """Return how many days an infusion lasts; zero for what is given at once."""
    rate, lasts = row.value("RATE"), row.value("DUR")
    if rate < 0 or lasts < 0:
        raise row.refuse("has a RATE or DUR below zero; a rate or a duration that a model sets cannot be given.")
    if not rate:
        return lasts
    by_rate = row.value("AMT", None) / rate
    if lasts and not math.isclose(lasts, by_rate, rel_tol=1e-6):
        raise row.refuse(f"has DUR = {lasts:g}, and AMT / RATE is {by_rate:g} days. Keep one of RATE and DUR.")
    return by_rate


def _dose(row: _Row, amount: float, start: float, repeats: int, interval: float, library: Library | None) -> Dose:
    for column in ("AGENT", "UNIT"):
        if not row.text(column):
            raise row.refuse(f"has no {column}. Fill it in.")
    agent, compartment = Agent.read(row.text("AGENT"), library), row.text("CMT")
    route = row.text("ROUTE") or None
    if compartment and route is None:
        # Without a route the compartment says it; the default one where several fit.
        fitting = [name for name in agent.record.routes if _enters(agent, name)[0] == compartment]
        route = None if agent.route_name() in fitting else next(iter(fitting), None)
    dose = Dose(
        agent.name,
        f"{amount!r} {row.text('UNIT')}",
        at=f"day {start!r}",
        every=f"{interval!r} day" if repeats else None,
        until=f"day {start + repeats * interval!r}" if repeats else None,
        route=route,
        library=library,
    )
    if not compartment:
        return dose
    target, unit = _enters(agent, dose.route)
    if compartment != target:
        enters = f'enters "{target}"' if target else "enters no state by its amount"
        by = agent.route_name(dose.route)
        raise row.refuse(
            f'has CMT = "{compartment}", and "{dose.agent}" by route {by} {enters}. Correct CMT, or leave it empty.'
        )
    if not units.can_convert(dose.quantity.unit, unit):
        raise row.refuse(
            f'puts {dose.quantity.unit} into "{target}", a state in {unit}: read as it stands, the number would enter '
            f"without body mass or molar mass. Give it in {unit}, or leave CMT empty: then it is converted."
        )
    return dose


def _enters(agent: Agent, route: str | None) -> tuple[str, str]:
    """Return the state that the amount enters first, and in which unit; nothing where the amount does not enter any."""
    for operation in agent.route(route).operations:
        if operation.unit is not None:
            return operation.target, operation.unit
    return "", ""
