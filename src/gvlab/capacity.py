"""What fits into the memory of this machine: work that does not is refused before it begins, with what would fit."""

from __future__ import annotations

import math
import os
from pathlib import Path

from gvlab.errors import InvalidValueError

USABLE = 0.8
"""Share of the memory that results may take."""

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux keeps what a container may use."""


def memory() -> float:
    """Return the bytes of memory that this process may use; infinite where the operating system does not say."""
    found = [math.inf]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE"))
    for limit in _LIMITS:
        try:
            found.append(float(Path(limit).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such limit, or "max"
            continue
    try:
        import resource
    except ImportError:  # Windows
        return min(found)
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    return min(*found, math.inf if most == resource.RLIM_INFINITY else float(most))


def refuse_beyond_memory(count: int, bytes_each: float, what: str = "subjects") -> None:
    """Raise if so many of something do not fit into memory.

    Parameters
    ----------
    count
        How many are asked for.
    bytes_each
        How many bytes one of them needs, about.
    what
        What they are: "subjects".

    Raises
    ------
    InvalidValueError
        If they do not fit: the message says how much they need and how many would fit.
    """
    there = memory()
    needed = count * bytes_each
    if needed <= USABLE * there:
        return
    fits = _floor(USABLE * there / bytes_each)
    way_out = f"Take at most {fits:,}" if fits else "Take a machine with more"
    raise InvalidValueError(
        f"{count:,} {what} need about {_size(needed)} of memory, and {_size(USABLE * there)} can be used here. "
        f"{way_out}."
    )


def _floor(number: float) -> int:
    """Return a number with two digits, rounded down: what is said to fit does fit."""
    whole = int(number)
    step = int(10 ** max(0, len(str(whole)) - 2))
    return whole // step * step


def _size(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if count >= size:
            return f"{count / size:,.3g} {unit}" if count < 1000 * size else f"{count / size:,.0f} {unit}"
    return f"{count / 1e6:,.0f} MB"
