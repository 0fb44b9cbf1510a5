"""What differs between two experiments as text, setting by setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NOTHING = "–"


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Return the settings that differ: what it is, its value here, its value there; "–" where there is none.

    Arms are told apart by their names and doses by their agents, so that an arm that was added in front does not make
    all others look changed.
    """
    mine, theirs = dict(_settings(one, "")), dict(_settings(other, ""))
    names = dict.fromkeys((*mine, *theirs))
    return tuple(
        (name, mine.get(name, NOTHING), theirs.get(name, NOTHING))
        for name in names
        if mine.get(name, NOTHING) != theirs.get(name, NOTHING)
    )


def _settings(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _settings(inner, f"{name}, {key}".removeprefix(", "))
    elif isinstance(value, list | tuple):
        if all(isinstance(each, str | int | float) for each in value):
            yield name, ", ".join(str(each) for each in value)
            return
        seen: dict[str, int] = {}
        for number, inner in enumerate(value, 1):
            key = str(number)
            if isinstance(inner, Mapping):
                key = str(inner.get("name") or inner.get("agent") or number)
            seen[key] = seen.get(key, 0) + 1
            again = f" ({seen[key]})" if seen[key] > 1 else ""
            yield from _settings(inner, f"{name} {key}{again}")
    else:
        yield name, str(value)
