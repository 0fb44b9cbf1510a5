"""gvlab serve: the bench in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gvlab.cli.common import say

if TYPE_CHECKING:
    from gvlab.store.archive import Archive


def serve(
    experiment: Annotated[
        str,
        typer.Argument(help="The experiment it opens with; see gvlab list experiments.", show_default="the paper's"),
    ] = "",
    system: Annotated[str, typer.Option(help="In which system.", show_default="the experiment's first")] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8118,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Others than this machine's own need the token.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    json_line: Annotated[bool, typer.Option("--json", help="Print address and token as one line of JSON.")] = False,
    store: Annotated[
        Path | None, typer.Option(help="Folder in which runs are kept.", show_default="the user's data folder")
    ] = None,
) -> None:
    """Open the bench: a page that shows an experiment and answers when a slider is moved.

    It listens on this machine only, unless --host says otherwise, and asks for a token that it prints.
    Nothing leaves the machine. Stop it with Ctrl-C; what was kept is kept.

    The token is a new one each time, or that of the environment variable GVLAB_TOKEN.

    Examples:

    gvlab serve

    gvlab serve mathew2018_survival --no-browser --port 0 --json
    """
    serve_bench(
        experiment, system, host=host, port=port, browser=browser, json_line=json_line, store=store, archive=None
    )


def serve_bench(
    experiment: str = "",
    system: str = "",
    *,
    host: str = "127.0.0.1",
    port: int,
    browser: bool,
    json_line: bool,
    store: Path | None,
    archive: Archive | None,
) -> None:
    """Serve the bench until it is stopped; arguments as those of the command, and an archive to open."""
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.errors import GVLabError
    from gvlab.library import Library

    try:
        from gvlab.web.serve import Served, serving
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "uvicorn", "websockets", "starlette"):
            raise
        message = f'The page needs "{error.name}", which is not installed. Say: pip install "gvlab[web]"'
        raise GVLabError(message) from None

    def ready(served: Served) -> None:
        if json_line:
            print(served.to_json(), flush=True)
        else:
            say(served.in_words())
        if browser:
            import webbrowser

            webbrowser.open(served.url)

    serving(
        Library.default(), experiment, system or None, host=host, port=port, folder=store, ready=ready, archive=archive
    )
