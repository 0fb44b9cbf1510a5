"""What the commands share: the screen, a bar for a workflow's progress, a folder that a failed run does not leave."""

from __future__ import annotations

import ast
import contextlib
import inspect
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gvlab.errors import InvalidValueError, OutputError

if TYPE_CHECKING:
    import pandas as pd

    from gvlab.workflows.bundle import Bundle
    from gvlab.workflows.progress import Progress as Where
    from gvlab.workflows.progress import ProgressSink

out = Console()

PAPER = "mathew2018"
"""All experiments of the paper and all findings."""

RESULTS = Path("results")
"""Where results go when no folder is named."""

TERMINAL = "-"
"""What stands for the screen where a file could be named."""


def help_of(command: Callable[..., None]) -> str:
    """Return the docstring of a command for a screen of any width: the lines of a paragraph are joined.

    The lines of source code are longer than many a terminal, which would break each of them again. Python's option -OO
    takes docstrings away; then it is read in the source.
    """
    written = command.__doc__
    if written is None:
        tree = ast.parse(textwrap.dedent(inspect.getsource(command))).body[0]
        written = ast.get_docstring(tree) if isinstance(tree, ast.FunctionDef) else None
    paragraphs = inspect.cleandoc(written or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def say(lines: str | Iterable[str], indent: str = "") -> None:
    """Print lines as they are: no markup, no color, broken by the terminal only."""
    for line in (lines,) if isinstance(lines, str) else lines:
        out.print(f"{indent}{line}", highlight=False, markup=False, soft_wrap=True)


@contextlib.contextmanager
def words_on_stderr() -> Iterator[None]:
    """Print on stderr while the block lasts, so that stdout holds what a program reads and nothing else."""
    out.stderr = True
    try:
        yield
    finally:
        out.stderr = False


def show_or_write(file: Path | None, text: str) -> bool:
    """Print a text where no file is named or "-", and return False; else write the file, and return True."""
    from gvlab.files import write_text

    if file is None or str(file) == TERMINAL:
        # Not through the screen's own printing, which knows a width and colors: what is printed is what a file holds.
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        return False
    write_text(file, text)
    return True


def refuse_installed(target: Path) -> None:
    """Raise if a file of the library is to be written where it was installed and not where it is developed.

    Raises
    ------
    OutputError
        If the folder of the package lies in no checkout of the repository.
    """
    root = Path(__file__).resolve().parents[3]
    if target.resolve().is_relative_to(root / "src") and (root / "pyproject.toml").is_file():
        return
    package = Path(__file__).resolve().parents[1]
    if target.resolve().is_relative_to(package):
        raise OutputError(
            f'"{target}" belongs to the installed package, and what is installed is not changed. Do it in a checkout '
            "of the repository, or keep rows of your own in a folder that GVLAB_LIBRARY names."
        )


def count(least: int) -> Callable[[str], int]:
    """Return what reads a whole number as people write it: 200, 1e4, 10_000; it refuses less than the least one."""

    def read(text: str) -> int:
        try:
            number = float(text)
            found = int(number)
        except (ValueError, OverflowError):
            raise typer.BadParameter(f'"{text}" is not a whole number; write it as 200 or 1e4.') from None
        if found != number:
            raise typer.BadParameter(f'"{text}" is not a whole number; write it as 200 or 1e4.')
        if found < least:
            raise typer.BadParameter(f"{found} is less than {least}.")
        return found

    return read


def numbers(text: str, option: str) -> tuple[float, ...] | None:
    """Return the numbers of an option such as "0,5,10"; None where it is empty."""
    if not text:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidValueError(f'{option} "{text}" is not a list of numbers; write "0,5,10".') from error


def pairs(given: Iterable[str] | None, option: str) -> dict[str, str]:
    """Return the pairs of an option that is given as "name in the data=name here", again for each."""
    found = {}
    for text in given or ():
        mine, equals, theirs = text.partition("=")
        if not (mine.strip() and equals and theirs.strip()):
            raise InvalidValueError(f'{option} "{text}" is not a pair; write {option} "name in the data=name here".')
        found[mine.strip()] = theirs.strip()
    return found


def say_bundle(bundle: Bundle[Any], where: str) -> None:
    """Print what a bundle says, where it lies, and what is in its files."""
    say(bundle.heading)
    say(bundle.lines, "  ")
    if bundle.shown:
        _show(bundle.shown, bundle.tables[bundle.shown].frame)
    say(f"\n{bundle.summary} {where}".replace("\n ", "\n"))
    wide = max((len(path) for path in bundle.contents), default=0)
    say(f"  {path:<{wide}}  {what}" for path, what in bundle.contents.items())


def _show(path: str, table: pd.DataFrame, most: int = 20) -> None:
    from gvlab.cli.terminal_table import table_lines

    out.print(f"\n{Path(path).stem}", style="bold", highlight=False, markup=False)
    say(table_lines(table, width=out.width if out.is_terminal else None, most=most))
    if len(table) > most:
        say(f"  ... {len(table) - most} more rows in {path}")


@contextlib.contextmanager
def in_options() -> Iterator[None]:
    """Turn the arguments that a message of a reader asks for into options of the command."""
    try:
        yield
    except InvalidValueError as error:
        raise InvalidValueError(as_options(str(error))) from error


def as_options(text: str) -> str:
    """Return a sentence with the arguments it names as options of the command: event=1 is --event-is 1."""

    def option(found: re.Match[str]) -> str:
        name = {"event": "event-is"}.get(found[1], found[1].replace("_", "-"))
        # "sheet=A" and "sheet=..." give it a value; in "sheet= has no effect" it stands alone.
        return f"--{name}" + (" " if re.match(r'[\w"]|\.\.\.', text[found.end() :]) else "")

    return re.sub(
        r"\b(event|data_set|reference|calibrator|sheet|kind|gates|samples|landmark|changes_at|weights|start|stop|parameter)=",
        option,
        text,
    )


@contextlib.contextmanager
def progress_bar(*, transient: bool = True) -> Iterator[ProgressSink]:
    """Yield a sink that draws where a workflow stands: one bar, which takes the name of each stage.

    Where stderr is no terminal, it says so in a line now and then.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines_of_progress(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    with Progress(*columns, console=console, transient=transient) as bar:
        task = bar.add_task("", total=None, count="", detail="")
        stage = ""

        def tell(where: Where) -> None:
            nonlocal stage
            if where.stage != stage:
                stage = where.stage
                bar.reset(task, total=where.total or None)
            bar.update(
                task,
                description=where.stage,
                completed=where.done,
                total=where.total or None,
                count=_count(where),
                detail=where.detail,
            )

        yield tell


SECONDS_BETWEEN_LINES = 30.0
"""How long a command that writes into a file or a pipe is silent."""


def _lines_of_progress(console: Console) -> ProgressSink:
    """Return a sink that prints a line when nothing has been said for a while."""
    last = time.monotonic()

    def tell(where: Where) -> None:
        nonlocal last
        if time.monotonic() - last < SECONDS_BETWEEN_LINES:
            return
        last = time.monotonic()
        gone = _count(where) or (f"{100 * where.share:.0f} %" if where.total else "")
        line = ", ".join(part for part in (where.stage, gone, where.detail) if part)
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    return tell


def _count(where: Where) -> str:
    return f"{where.done:,.0f}/{where.total:,.0f} {where.unit}" if where.total and where.unit else ""


@contextlib.contextmanager
def output_folder(folder: Path | None, name: str) -> Iterator[Path]:
    """Yield the folder of a run: the one that was named, or a new one in `RESULTS`, called after `name` and the time.

    It is made now, so that a place that cannot be written is found before the work; where the run fails and nothing has
    been written, it is removed again.

    Raises
    ------
    OutputError
        If it is not empty, another run writes into it, or it cannot be written.
    """
    from gvlab.files import claimed_folder, new_output_folder

    if folder is not None and str(folder) == TERMINAL:
        raise OutputError('"-" is the terminal, and results are files in a folder. Give the name of a folder.')
    if folder is not None and not str(folder).strip():
        raise OutputError(f'"{folder}" is no name of a folder. Give one with letters.')
    wanted = (RESULTS if folder is None else folder).absolute()
    missing = [each for each in (wanted, *wanted.parents) if not each.exists()]
    now = time.strftime("%Y-%m-%d-%H%M%S")
    target = new_output_folder(RESULTS / f"{name}-{now}") if folder is None else folder
    with claimed_folder(target):
        try:
            yield target
        except BaseException:
            for each in dict.fromkeys([*([target] if folder is None else []), *missing]):
                with contextlib.suppress(OSError):
                    each.rmdir()  # only where it is empty
            raise
