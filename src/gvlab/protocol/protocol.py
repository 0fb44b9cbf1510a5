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

    def until(self, day: float) -> Protocol:
        """Return the doses until a day: what is read on day 12 says nothing of those that come later."""
        early = (dose for dose in self.doses if dose.start <= day)
        return Protocol(
            tuple(
                dose.between(dose.at, f"day {day!r}") if dose.repeats and dose.times[-1] > day else dose
                for dose in early
            )
        )

    def in_words(self) -> str:
        """Return it as a sentence a dose, the earliest first."""
        if not self.doses:
            return "Nothing is given."
        return " ".join(dose.in_words() for dose in sorted(self.doses, key=lambda dose: dose.start))

    def table(self, subject: int | str = 1) -> pd.DataFrame:
        """Return as a dosing table with NONMEM's columns; see `dosing_table.write_table`."""
        from gvlab.protocol.dosing_table import write_table

        return write_table(self, subject)

    @classmethod
    def from_table(cls, table: pd.DataFrame, library: Library | None = None) -> Protocol:
        """Return the protocol in a dosing table of one subject; see `dosing_table.read_table`.

        Raises
        ------
        ProtocolError
            As `read_table`, and if there are several subjects.
        """
        found = cls.by_subject(table, library)
        if len(found) > 1:
            raise ProtocolError("The dosing table has several subjects. Read them with Protocol.by_subject(table).")
        return next(iter(found.values()), cls())

    @classmethod
    def by_subject(cls, table: pd.DataFrame, library: Library | None = None) -> dict[Any, Protocol]:
        """Return the protocol of each subject in a dosing table, by its ID; errors as `dosing_table.read_table`."""
        from gvlab.protocol.dosing_table import read_table

        return read_table(table, library)
