"""Arm: a name, a protocol, a condition, a number of subjects."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gvlab import notebook
from gvlab.errors import InvalidValueError
from gvlab.library import Library
from gvlab.protocol.condition import Condition
from gvlab.protocol.dose import Dose
from gvlab.protocol.protocol import Protocol


@dataclass(frozen=True, init=False)
class Arm:
    """A group of subjects that are treated alike.

    Attributes
    ----------
    name
        What the group is called in figures and tests.
    protocol
        What its subjects are given.
    n
        How many subjects.
    condition
        What is different about them.
    """

    name: str
    protocol: Protocol
    n: int
    condition: Condition

    def __init__(
        self,
        name: str,
        protocol: Protocol | Dose | Iterable[Dose] | None = None,
        n: int = 10,
        condition: Condition | str | Iterable[str | Condition] | None = None,
        library: Library | None = None,
    ) -> None:
        """Make an arm.

        Parameters
        ----------
        name
            Not empty.
        protocol
            A protocol, a dose, several, or nothing.
        n
            At least one.
        condition
            A condition, its name, or several names.
        library
            Where conditions are read that are given by name; the default one where None.

        Raises
        ------
        InvalidValueError
            If the name is empty or `n` is not a whole number above zero.
        UnknownNameError
            If there is no such condition.
        """
        if not isinstance(name, str) or not name.strip():
            raise InvalidValueError(f'An arm needs a name, such as "BM + T cells"; this one has {name!r}.')
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise InvalidValueError(f'Arm "{name}" has n = {n!r}; the number of subjects is a whole number above zero.')
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "protocol", Protocol.of(protocol))
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "condition", Condition.of(condition, library))

    def __repr__(self) -> str:
        under = f", {self.condition}" if self.condition else ""
        return f"Arm({self.name!r}, n = {self.n}{under}: {self.protocol!r})"

    def _repr_html_(self) -> str:
        about = f"n = {self.n}; {self.condition}" if self.condition else f"n = {self.n}"
        return notebook.card(self.name, about, self.protocol.html())

    def replace(self, **changes: Any) -> Arm:
        """Return an arm with some fields changed."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        unknown = sorted(changes.keys() - fields.keys())
        if unknown:
            raise InvalidValueError(f'An arm has no "{unknown[0]}"; it has {", ".join(fields)}.')
        return Arm(**{**fields, **changes})

    def under(self, condition: Condition | str, library: Library | None = None) -> Arm:
        """Return the same arm under a further condition."""
        return self.replace(condition=self.condition + Condition.of(condition, library))

    def with_library(self, library: Library) -> Arm:
        """Return the arm with its agents and conditions as a library has them; errors as theirs."""
        protocol, condition = self.protocol.with_library(library), self.condition.with_library(library)
        if protocol is self.protocol and condition is self.condition:
            return self
        return self.replace(protocol=protocol, condition=condition)
