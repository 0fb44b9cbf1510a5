"""Everything that can go wrong, as a tree.

GVLabError
├── UnknownNameError      a name that no record, symbol or arm has; also a LookupError
├── InvalidValueError     a value that breaks a stated rule; also a ValueError
│   └── UnitError         a quantity that cannot be read, or has the wrong dimension
├── LibraryError          a data file that breaks its schema
├── ModelError            an SBML document that cannot be used
├── ProtocolError         doses that cannot be given as written
├── OutputError           a file or folder that cannot be written; also an OSError
├── SolveError            no subject could be solved
└── CancelledError        a run that was told to stop; nothing of it is kept
GVLabWarning
├── SolveWarning          some subjects could not be solved; the others are there
└── CacheWarning          what was made before cannot be used again

A message gives the value, the rule and the way out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GVLabError(Exception):
    """Anything GVLab refuses to do, with the reason and the way out."""


class InvalidValueError(GVLabError, ValueError):
    """A value breaks a stated rule."""


class UnitError(InvalidValueError):
    """A quantity cannot be read, or has the wrong dimension."""


class LibraryError(GVLabError):
    """A data file breaks its schema: the message names file, key, value and rule."""


class ModelError(GVLabError):
    """An SBML document cannot be used."""


class ProtocolError(GVLabError):
    """Doses cannot be given as written."""


class OutputError(GVLabError, OSError):
    """A file or a folder cannot be written. What was there before is still there."""

    def __str__(self) -> str:
        # OSError prints "[Errno 28] ..." where it can; here the sentence is the message.
        return str(self.args[0]) if self.args else ""


class SolveError(GVLabError):
    """No subject could be solved."""


class CancelledError(GVLabError):
    """A run was told to stop before its end; nothing of it is kept, and it can be run again."""


class GVLabWarning(UserWarning):
    """Something a reader of the results must know."""


class SolveWarning(GVLabWarning):
    """Some subjects could not be solved; the message names them and the remedy."""


class CacheWarning(GVLabWarning):
    """What was made before cannot be used again, so everything takes longer; results are the same."""


class UnknownNameError(GVLabError, LookupError):
    """A name is not among those that exist.

    Parameters
    ----------
    kind
        What was looked for, in words: "agent", "arm", "symbol of the model".
    name
        The name that was asked for.
    known
        The names that exist.
    where
        Where they were looked for, if that helps: a file or a folder.

    Attributes
    ----------
    kind, name, known, suggestion
        As given; `suggestion` is the closest known name, or None.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        self.suggestion = closest(name, self.known)
        place = f" in {where}" if where else ""
        super().__init__(f'There is no {kind} named "{name}"{place}.{did_you_mean(name, self.known)}')

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, tuple[str, ...]]]:
        # Errors cross process borders; the default would pass the message as `kind`.
        return (type(self), (self.kind, self.name, self.known))


def closest(name: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """Return the known name that is spelled most like `name`, or None if none is close.

    Capitals, hyphens and spaces are not counted as differences.
    """
    by_spelling = {_plain(other): other for other in known}
    found = difflib.get_close_matches(_plain(name), list(by_spelling), n=1, cutoff=alike)
    return by_spelling[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of an error about an unknown name: the closest name, and the names there are."""
    names = sorted(known)
    suggestion = closest(name, names)
    text = f' Did you mean "{suggestion}"?' if suggestion else ""
    if not names:
        return text + " There are none."
    return f"{text} Known: {some_of(names, 20)}."


def some_of(names: Iterable[object], most: int = 6, between: str = ", ") -> str:
    """Return the first of some names, and how many more there are: ``a, b and 3 more``."""
    shown = [str(name) for name in names]
    return between.join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def _plain(name: str) -> str:
    return str(name).lower().replace("-", "_").replace(" ", "_")
