"""Finds in a file what is known: which sheet holds which kind of table, and in which row it begins."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from gvlab.assay import adtte, lanes
from gvlab.assay.readers import (
    bioluminescence,
    cycler,
    plate,
    plate_exports,
    plate_grids,
    survival,
    survival_status,
    survival_times,
    tidy,
    well_series,
    workbooks,
)
from gvlab.assay.readers.delimited import read_delimited
from gvlab.assay.readers.tables import TextTable, plain_name
from gvlab.errors import InvalidValueError, some_of

_LOOKS: dict[str, Callable[[TextTable], bool]] = {
    "cycles": cycler.looks_like,
    "bioluminescence": bioluminescence.looks_like,
    "plate": plate.is_list,
    "relative signals": lanes.looks_like,
    "survival": survival.looks_like,
    "readings": tidy.looks_like,
}

_FIRST_ROWS = 20
"""Rows in which the header of ADTTE is looked for."""


def recognized(path: Path, kind: str, sheet: str, stop: str) -> tuple[TextTable, str, TextTable, tuple[str, ...]]:
    """Return the page that holds something known, what it holds, its table, and sentences on what was not read.

    The header is looked for in every row of every sheet; an instrument's blocks are found by its own reader.
    """
    skipped: tuple[str, ...] = ()
    if path.suffix.lower() in workbooks.SUFFIXES:
        if sheet:
            pages: tuple[TextTable, ...] = (workbooks.read_sheet(path, sheet),)
        else:
            pages, skipped = workbooks.read_all_sheets(path, small=True)
            if not any(_place(page, kind, stop) for page in pages):
                pages, skipped = workbooks.read_all_sheets(path)
    else:
        pages = (read_delimited(path),)
    found = []
    for page in pages:
        place = _place(page, kind, stop)
        if place is not None:
            found.append((page, *place))
    if not found:
        raise InvalidValueError(_not_clear(path, pages, kind, skipped))
    page, what, row = found[0]
    others = [other.name.split('"')[1] for other, *_ in found[1:]]
    notes = list(skipped)
    if len(pages) > 1 or others:
        notes.append(f"Read was the {page.name}.")
    if others:
        notes.append(f"Other sheets hold tables too; say sheet=... for one of them: {some_of(others)}.")
    return page, what, page.below(row), tuple(notes)


def _place(page: TextTable, kind: str, stop: str = "") -> tuple[str, int] | None:
    """Return what a table holds and the row of its header; None where nothing is known."""
    if kind in ("", "plate") and plate_exports.instrument_of(page):
        return "plate", 0
    if kind in ("", "survival"):
        for row, cells in enumerate(page.cells[:_FIRST_ROWS]):
            if sum(map(bool, cells)) > 2 and adtte.looks_like(page.below(row)):
                return "survival", row
    looks = {name: look for name, look in _LOOKS.items() if kind in ("", name)}
    if stop:
        looks["survival"] = functools.partial(survival.looks_like, stop=stop)
    known = _known_names()
    for row, cells in enumerate(page.cells):
        # The two rows in front may be a layout without names (Prism's); below, a header has a name that is known.
        if row > 2 and not any(plain_name(cell) in known | {plain_name(stop)} for cell in cells if cell):
            continue
        # A header has two words or more.
        words = sum(bool(cell) and not cell[0].isdigit() for cell in cells)
        if words < 2 and not (row == 0 and sum(map(bool, cells)) > 1):
            continue
        below = page.below(row)
        for name, look in looks.items():
            if look(below) and len(below.cells) > 1:
                return name, row
    if kind in ("", "plate") and (plate_grids.grids(page) or well_series.read(page)):
        return "plate", 0
    return None


@functools.cache
def _known_names() -> frozenset[str]:
    """Return every name that a column of a known table may have."""
    groups = (
        cycler.CT, cycler.SAMPLE, cycler.TARGET, bioluminescence.FLUX, bioluminescence.COUNTS, plate.WELL,
        survival_times.TIME, survival_times.END, survival_status.EVENT, survival_status.CENSORED,
        survival_status.UNCLEAR,
        tidy.VALUE, tidy.SUBJECT,
        ("lane", "days"),
    )  # fmt: skip
    return frozenset(plain_name(name) for names in groups for name in names)


def _not_clear(path: Path, pages: Sequence[TextTable], kind: str, skipped: Sequence[str]) -> str:
    if not pages:
        return f'"{path.name}" has no sheet that could be read. ' + " ".join(skipped)
    shown = some_of((f"{page.name}: {_first_words(page)}" for page in pages), between="; ")
    what = f"no table of the kind {kind}" if kind else "what it holds is not clear"
    return (
        f'"{path.name}": {what}. It begins with {shown}. A survival table has time and event, or times '
        "and a column of nothing but 0 and 1 for each group, a cell a subject; readings have subject, "
        "time, analyte, value and unit; a plate has Well and OD, or a grid; cycles have Sample Name, Target Name and "
        "CT; bioluminescence has Total Flux [p/s]." + (" " + " ".join(skipped) if skipped else "")
    )


def _first_words(page: TextTable) -> str:
    row = max(page.cells[:20], key=lambda cells: sum(map(bool, cells)))
    return some_of((cell[:30] for cell in row if cell), 10)
