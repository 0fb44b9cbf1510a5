"""gvlab open: an archive of a run in the bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gvlab.cli.serve import serve_bench


def open_file(
    file: Annotated[Path, typer.Argument(help="An archive that the bench or another GVLab wrote: NAME.gvlab.zip.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    json_line: Annotated[bool, typer.Option("--json", help="Print address and token as one line of JSON.")] = False,
    store: Annotated[
        Path | None, typer.Option(help="Folder in which runs are kept.", show_default="the user's data folder")
    ] = None,
) -> None:
    """Open an archive of a run in the bench.

    The experiment is computed again, with what is installed here. Where the archive was made with another model, a
    banner says so, with the numbers of then and of now.

    Examples:

    gvlab open survival.gvlab.zip
    """
    from gvlab.store.archive import read_archive

    archive = read_archive(file)
    serve_bench(port=port, browser=browser, json_line=json_line, store=store, archive=archive)
