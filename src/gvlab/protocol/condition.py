"""Condition: named changes to a model - a knock-out, a depletion, an overexpression."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.library import Library


@dataclass(frozen=True)
class Change:
    """One change: a target takes a value, or a factor times its own.

    Attributes
    ----------
    target
        A parameter of the model, or a state (its initial value).
    value
        What it becomes, or the factor.
    factor
        Whether `value` is a factor.
    """

    target: str
    value: float
    factor: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no finite number."""
        if not math.isfinite(self.value):
            raise InvalidValueError(f'A condition changes "{self.target}" to {self.value}; it must be a finite number.')


@dataclass(frozen=True)
class Condition:
    """Named changes to the model; no name and no changes is the model as it is.

    Attributes
    ----------
    names
        What it is called, several where conditions were put together.
    changes
        Carried out in order.
    library
        Where it was read; None for one that was made by hand.
    parts
        The conditions it was put together of.
    """

    names: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    library: Library | None = field(default=None, compare=False, repr=False)
    parts: tuple[Condition, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def read(cls, name: str, library: Library | None = None) -> Condition:
        """Return a condition of a library.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        library = Library.default() if library is None else library
        rows = library.condition_rows(name)
        return cls((name,), tuple(Change(row.targetId, *row.change()) for row in rows), library)

    @classmethod
    def of(cls, what: Condition | str | Iterable[str | Condition] | None, library: Library | None = None) -> Condition:
        """Return the condition of a name, of several names together, or of nothing."""
        if what is None:
            return cls()
        if isinstance(what, Condition):
            return what
        if isinstance(what, str):
            return cls.read(what, library)
        whole = cls()
        for part in what:
            whole = whole + cls.of(part, library)
        return whole

    def __add__(self, other: Condition) -> Condition:
        """Return two conditions put together.

        Raises
        ------
        InvalidValueError
            If both set the same target.
        """
        if not isinstance(other, Condition):
            return NotImplemented
        if set(other.names) <= set(self.names) and other.names:
            return self
        if not self.names and not self.changes:
            return other
        fixed = {change.target: change for change in self.changes if not change.factor}
        for change in other.changes:
            if change.target in fixed and change != fixed[change.target]:
                raise InvalidValueError(
                    f'The conditions {", ".join((*self.names, *other.names))} both change "{change.target}". Use one.'
                )
        new = tuple(change for change in other.changes if change.factor or change not in self.changes)
        parts = (*(self.parts or (self,)), *(other.parts or (other,)))
        return Condition(tuple(dict.fromkeys((*self.names, *other.names))), self.changes + new, parts=parts)

    @property
    def made_by_hand(self) -> tuple[Change, ...]:
        """Changes that no record of a library vouches for; they hold to the bounds of the tables as any value does."""
        if self.parts:
            return tuple(change for part in self.parts for change in part.made_by_hand)
        return self.changes if self.library is None else ()

    def with_library(self, library: Library) -> Condition:
        """Return the condition as a library has it; what was made by hand stays as it is.

        Raises
        ------
        UnknownNameError
            If the library has no condition of that name.
        """
        if self.parts:
            return Condition.of(tuple(part.with_library(library) for part in self.parts))
        if self.library is None or self.library == library:
            return self
        return Condition.read(self.names[0], library)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __str__(self) -> str:
        return ", ".join(self.names) or "unchanged"

    def apply(self, values: Mapping[str, Any], nominal: Mapping[str, float]) -> dict[str, Any]:
        """Return the values under the condition.

        Parameters
        ----------
        values
            Of the subjects, by name: numbers, or arrays of shape (subject,).
        nominal
            Values of what is not among `values`: the model's own.

        Returns
        -------
        A new dictionary with all of `values` and the changes.

        Raises
        ------
        UnknownNameError
            If a target is in neither.
        """
        changed = dict(values)
        for change in self.changes:
            if change.target not in changed and change.target not in nominal:
                raise UnknownNameError("symbol to be changed by a condition", change.target, {*values, *nominal})
            own = changed[change.target] if change.target in changed else nominal[change.target]
            changed[change.target] = own * change.value if change.factor else change.value
        return changed
