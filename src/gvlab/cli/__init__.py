"""The command `gvlab`: a few lines each over the public API."""

from __future__ import annotations

import errno
import io
import sys
import warnings
from pathlib import Path
from typing import NoReturn, TextIO

import typer
from rich.console import Console
from rich.markup import escape

from gvlab.cli import (
    analyze,
    bench,
    calibrate,
    compare,
    design,
    drivers,
    export,
    open_file,
    population,
    records,
    run,
    schema,
    serve,
    synergy,
    why,
)
from gvlab.cli.common import help_of
from gvlab.errors import GVLabError, GVLabWarning

_INTERRUPTED = 130
"""What a shell calls a program that was stopped with Ctrl-C: 128 + SIGINT."""

app = typer.Typer(
    name="gvlab",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="An in-silico laboratory of graft-versus-leukemia, after Mathew et al., Nature Medicine 2018;24:282.\n\n"
    "Start with [bold]gvlab run mathew2018 --quick[/bold]: it runs the paper's experiments on virtual subjects, says "
    "of each published claim whether the model reproduces it, and writes a report you open in a browser.\n\n"
    "Then: [bold]gvlab list[/bold] shows what there is, [bold]gvlab explain NUMBER[/bold] says where a number "
    "comes from, [bold]gvlab export sbml[/bold] takes the model to COPASI.\n\n"
    "Everything here is simulated. It generates hypotheses and helps to plan experiments; it decides no treatment.",
)
for _name, _command in (
    ("run", run.run),
    ("serve", serve.serve),
    ("open", open_file.open_file),
    ("calibrate", calibrate.calibrate),
    ("drivers", drivers.drivers),
    ("design", design.design),
    ("synergy", synergy.synergy),
    ("why", why.why),
    ("analyze", analyze.analyze),
    ("compare", compare.compare),
    ("list", records.list_records),
    ("explain", records.explain),
    ("cite", records.cite),
    ("export", export.export),
    ("check", records.check),
    ("build", records.build),
    ("schema", schema.schema),
    ("bench", bench.bench),
):
    app.command(_name, help=help_of(_command))(_command)
app.add_typer(population.app, name="population")


def _say(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning; of one of ours, the line of our code is of no use to a reader."""
    where = "" if issubclass(category, GVLabWarning) else f" ({category.__name__}, {filename}:{lineno})"
    Console(stderr=True).print(
        f"[yellow]Warning:[/yellow] {escape(str(message))}{escape(where)}", highlight=False, soft_wrap=True
    )


def _refuse(words: str) -> NoReturn:
    """Print why something is not done, and end with code 1."""
    Console(stderr=True).print(f"[red]Error:[/red] {escape(words)}", highlight=False, soft_wrap=True)
    sys.exit(1)


def main() -> None:
    """Run the command; what we refuse to do is said in one sentence, not as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A glyph that a terminal or a pipe does not know must not cost the run that has just been finished.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    warnings.simplefilter("always", GVLabWarning)
    warnings.showwarning = _say
    try:
        # Outside its standalone mode typer gives back the code of an exit in place of exiting, and makes one of Ctrl-C.
        code = app(standalone_mode=False) or 0
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except GVLabError as error:
        _refuse(str(error))
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            # Any command may be the first to ask whether such a file is there.
            name = Path(error.filename or "").name
            _refuse(f'A name has {len(name)} letters, "{name[:40]}...", too long for a file. Give a shorter one.')
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()  # click's own: an unknown option, a missing argument
        sys.exit(getattr(error, "exit_code", 2))
    if code == _INTERRUPTED:
        Console(stderr=True).print("Stopped. What had been written is whole and stays.")
    sys.exit(code)
