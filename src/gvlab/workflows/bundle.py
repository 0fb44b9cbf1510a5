"""Bundles: what a workflow returns. Nothing of it is a file until it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from gvlab.errors import InvalidValueError
from gvlab.files import atomic_file, make_folder, prepare_output_folder, write_bytes, write_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from gvlab.workflows.request import Request

Found = TypeVar("Found")

Document: TypeAlias = "str | bytes | Callable[[Path], None]"
"""A text, bytes, or a function that writes the file whose (temporary) path it is given."""

_FIGURE_ENDINGS = (".svg", ".png")


@dataclass(frozen=True)
class Table:
    """A table with the lines that stand above it in its file."""

    frame: pd.DataFrame
    comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bundle(Generic[Found]):
    """Tables, figures and documents, by the path that each gets within a folder.

    Attributes
    ----------
    request
        What was asked for.
    found
        The result itself, for a notebook: a plan, agreements, a grid of effects.
    heading, lines, summary
        What it is about; what it says, in sentences; the sentence to remember.
    tables
        By path, ``power.csv`` or ``drivers.tsv``: columns are separated as the ending says.
    figures
        By path without ending; each is written as SVG and as PNG.
    documents
        By path.
    data
        Plain values that are written as JSON, by path.
    contents
        What a reader is told of a file or a folder, by path.
    shown
        Path of the table that is worth a place on the screen; "" where the lines say it all.
    """

    request: Request
    found: Found
    heading: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    summary: str = ""
    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    shown: str = ""

    def __post_init__(self) -> None:
        """Refuse paths that lead out of the folder, and two things of one path."""
        paths = list(self.paths())
        for path in paths:
            place = PurePosixPath(path)
            if place.is_absolute() or not place.name or ".." in place.parts or "\\" in path:
                raise InvalidValueError(f'"{path}" is not a path within a folder; write such as "tables/power.csv".')
            if paths.count(path) > 1:
                raise InvalidValueError(f'Two parts of a bundle are to be written as "{path}"; give each its own path.')

    def paths(self) -> Iterator[str]:
        """Yield the path of every file, within the folder."""
        yield from self.tables
        yield from (f"{path}{ending}" for path in self.figures for ending in _FIGURE_ENDINGS)
        yield from self.documents
        yield from self.data

    def write(self, folder: Path | str) -> Path:
        """Write everything into a folder that is new or empty; each file is there whole or not at all.

        Returns
        -------
        The folder.

        Raises
        ------
        OutputError
            If something is in the folder already, or it cannot be written.
        """
        target = prepare_output_folder(folder)
        for parent in sorted({(target / path).parent for path in self.paths()} - {target}):
            make_folder(parent)
        for path, table in self.tables.items():
            write_part(target / path, table)
        for path, figure in self.figures.items():
            from gvlab.figures.style import save_figure

            save_figure(figure, [target / f"{path}{ending}" for ending in _FIGURE_ENDINGS])
        for path, document in self.documents.items():
            write_part(target / path, document)
        for path, values in self.data.items():
            write_text(target / path, json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False))
        return target


def write_part(path: Path, part: Table | Document) -> None:
    """Write a table or a document whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    if isinstance(part, Table):
        _write_table(path, part)
    elif isinstance(part, str):
        write_text(path, part)
    elif isinstance(part, bytes):
        write_bytes(path, part)
    else:
        with atomic_file(path) as temporary:
            part(temporary)


def _write_table(path: Path, table: Table) -> None:
    from gvlab.assay.readers.tables import write_csv

    columns = [str(column) for column in table.frame.columns]
    with atomic_file(path) as temporary:
        if path.suffix == ".tsv":
            text = table.frame.to_csv(sep="\t", index=False, float_format="%.4f")
            temporary.write_text("".join(f"# {line}\n" for line in table.comments) + text, encoding="utf-8")
        else:
            write_csv(temporary, columns, table.frame.itertuples(index=False), table.comments)
