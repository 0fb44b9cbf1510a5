"""Protocol: the timeline of doses of one subject, in words and as a table with NONMEM's columns."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gvlab import notebook
from gvlab.errors import InvalidValueError, ProtocolError
from gvlab.library import Library
from gvlab.notebook import shortened
from gvlab.protocol.dose import Dose
from gvlab.provenance import sha256

if TYPE_CHECKING:
    import pandas as pd

TABLE_COLUMNS = ("ID", "TIME", "AMT", "EVID", "CMT", "RATE", "ADDL", "II", "SS", "AGENT", "UNIT", "ROUTE")
"""NONMEM's columns, times in days, and the three that say what they mean."""

_OPTIONAL = {"ID": 1, "EVID": 1, "CMT": "", "RATE": 0, "ADDL": 0, "II": 0.0, "SS": 0, "ROUTE": ""}


@dataclass(frozen=True)
class Protocol:
    """What one subject is given. Protocols and doses add, as they do on a lab calendar.

    Doses at the same time are given in the order in which they were added.

    Attributes
    ----------
    doses
        In the order in which they were added.
    """

    doses: tuple[Dose, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is not a dose."""
        object.__setattr__(self, "doses", tuple(self.doses))
        for dose in self.doses:
            if not isinstance(dose, Dose):
                raise InvalidValueError(f"A protocol is made of doses, not of {dose!r}.")

    @classmethod
    def of(cls, what: Protocol | Dose | Iterable[Dose] | None) -> Protocol:
        """Return a protocol of a dose, of several, or of none."""
        if what is None:
            return cls()
        if isinstance(what, Protocol):
            return what
        return cls((what,)) if isinstance(what, Dose) else cls(tuple(what))

    def __add__(self, other: Dose | Protocol) -> Protocol:
        if not isinstance(other, Dose | Protocol):
            return NotImplemented
        return Protocol(self.doses + Protocol.of(other).doses)

    def __radd__(self, other: Any) -> Protocol:
        return self if other == 0 else NotImplemented

    def __len__(self) -> int:
        return len(self.doses)

    def __repr__(self) -> str:
        said = "; ".join(f"{dose.agent} {dose.amount} at {dose.at}" for dose in self.doses)
        return f"Protocol({shortened(said) or 'nothing is given'})"

    def _repr_html_(self) -> str:
        return notebook.card(f"Protocol of {len(self)} dose{'' if len(self) == 1 else 's'}", "", self.html())

    def html(self) -> str:
        """Return a table of the doses for a notebook."""
        rows = [
            (
                dose.agent_definition.title,
                dose.amount,
                f"day {dose.start:g}",
                dose.every or "once",
                f"day {dose.times[-1]:g}" if dose.repeats else "",
                dose.agent_definition.route_name(dose.route),
                f"primary recipients, day {dose.harvest.day:g}" if dose.harvest else "",
            )
            for dose in self.doses
        ]
        if not rows:
            return notebook.line("Nothing is given.")
        return notebook.table(("agent", "amount", "first", "every", "last", "route", "taken from"), rows)

    def __iter__(self) -> Iterator[Dose]:
        return iter(self.doses)

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of what is given, each once, in order."""
        return tuple(dict.fromkeys(dose.agent for dose in self.doses))

    @property
    def start(self) -> float:
        """Day of the first dose; zero where there is none."""
        return min((dose.start for dose in self.doses), default=0.0)

    @property
    def end(self) -> float:
        """Day of the last dose; zero where there is none."""
        return max((dose.times[-1] for dose in self.doses), default=0.0)

    def with_library(self, library: Library) -> Protocol:
        """Return the protocol with its agents as a library has them; errors as `Dose`."""
        doses = tuple(dose.with_library(library) for dose in self.doses)
        return self if all(one is other for one, other in zip(doses, self.doses, strict=True)) else Protocol(doses)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what is given and of what giving it means: the words of each dose, and its agent's definition."""
        return sha256("\n".join(dose.fingerprint for dose in self.doses))

    def without(self, agent: str) -> Protocol:
        """Return the protocol without an agent."""
        return Protocol(tuple(dose for dose in self.doses if dose.agent != agent))

    def in_words(self) -> str:
        """Return it as a sentence a dose, the earliest first."""
        if not self.doses:
            return "Nothing is given."
        return " ".join(dose.in_words() for dose in sorted(self.doses, key=lambda dose: dose.start))

    def table(self, subject: int = 1) -> pd.DataFrame:
        """Return as a dosing table, one row a dose; TIME and II are in days.

        Parameters
        ----------
        subject
            Goes into the column ID.

        Returns
        -------
        Columns `TABLE_COLUMNS`. CMT is the name of the state the dose enters first, as mrgsolve reads it.
        """
        import pandas as pd

        rows = []
        for dose in self.doses:
            if dose.harvest is not None:
                raise ProtocolError(f'A dosing table cannot say where the cells of "{dose.agent}" come from.')
            target = next((part.target for part in dose.route_definition.operations), "")
            amount, route = dose.quantity, dose.agent_definition.route_name(dose.route)
            rows.append(
                {
                    "ID": subject,
                    "TIME": dose.start,
                    "AMT": amount.value,
                    "EVID": 1,
                    "CMT": target,
                    "RATE": 0,
                    "ADDL": dose.repeats,
                    "II": dose.interval,
                    "SS": 0,
                    "AGENT": dose.agent,
                    "UNIT": amount.unit,
                    "ROUTE": route,
                }
            )
        return pd.DataFrame(rows, columns=list(TABLE_COLUMNS)).sort_values("TIME", kind="stable", ignore_index=True)

    @classmethod
    def from_table(cls, table: pd.DataFrame, library: Library | None = None) -> Protocol:
        """Return the protocol in a dosing table of one subject; TIME and II in days, AGENT and UNIT say what is given.

        Raises
        ------
        ProtocolError
            If a column is missing or unknown, several subjects are mixed, or a row asks for what a dose cannot do
            (an infusion rate, a steady state, an event that is not a dose).
        """
        for column in table.columns:
            if column not in TABLE_COLUMNS:
                known = ", ".join(TABLE_COLUMNS)
                raise ProtocolError(f'The dosing table has a column "{column}". Known: {known}. Remove or rename it.')
        missing = [name for name in TABLE_COLUMNS if name not in table.columns and name not in _OPTIONAL]
        if missing:
            raise ProtocolError(f"The dosing table lacks {', '.join(missing)}.")
        rows = [{**_OPTIONAL, **row} for row in table.to_dict("records")]
        if len({row["ID"] for row in rows}) > 1:
            raise ProtocolError("The dosing table has several subjects. Read one at a time: table[table.ID == 1].")
        return cls(tuple(_dose(number, row, library) for number, row in enumerate(rows, 1)))


def _dose(number: int, row: dict[Any, Any], library: Library | None) -> Dose:
    for column, only in (("EVID", 1), ("RATE", 0), ("SS", 0)):
        if row[column] != only:
            raise ProtocolError(
                f"Row {number} of the dosing table has {column} = {row[column]}; only {only} can be given. "
                "Write repeated doses with ADDL and II."
            )
    start, repeats, interval = float(row["TIME"]), int(row["ADDL"]), float(row["II"])
    if repeats and not interval > 0:
        raise ProtocolError(f"Row {number} of the dosing table repeats {repeats} times without an interval. Give II.")
    return Dose(
        str(row["AGENT"]),
        f"{float(row['AMT'])!r} {row['UNIT']}",
        at=f"day {start!r}",
        every=f"{interval!r} day" if repeats else None,
        until=f"day {start + repeats * interval!r}" if repeats else None,
        route=str(row["ROUTE"]) or None,
        library=library,
    )
