"""gvlab bench: time GVLab against its peers on this machine."""

from __future__ import annotations

import runpy
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gvlab.errors import LibraryError


class What(StrEnum):
    """What can be timed."""

    ENGINE = "engine"
    HOUSE = "house"
    WEB = "web"


def bench(
    what: Annotated[
        What,
        typer.Argument(
            help="engine: ours against its peers; house: what surrounds it, against its limits; web: the bench in a "
            "browser, against its limits."
        ),
    ],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows into this file.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the work-precision diagram into this file.")] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="engine: the flagship model only, without SciPy; house: no cluster; web: few keys."
        ),
    ] = False,
    docs: Annotated[bool, typer.Option("--docs", help="Write numbers, tables and figure of the docs anew.")] = False,
    gpu: Annotated[bool, typer.Option("--gpu", help="Our engine on the GPUs of this machine, nothing else.")] = False,
    users: Annotated[int, typer.Option(min=0, max=200, help="web: that many readers at once, in place of one.")] = 0,
    seconds: Annotated[float, typer.Option(min=1, help="web: for how long the readers move their sliders.")] = 60.0,
) -> None:
    """Time GVLab on this machine, and print a table.

    Each engine takes the loosest tolerance at which its error is small enough on one cohort, and is timed on another:
    one core, CPU time, medians. Benchmarks are part of the repository, not of the installed package. A peer that is not
    installed is left out, and the screen says how to install it.

    "house" times whole experiments of few and of many subjects, and a local cluster of two workers against one, which
    says something on an idle machine only.

    "web" starts a server and measures from a key to the repainted picture in Chromium, with its parts; with --users,
    how long many readers at once wait, and whether anybody sees another's answer.

    Examples:

    gvlab bench engine --quick

    gvlab bench engine --json engine.json --figure engine.svg

    gvlab bench engine --docs

    gvlab bench engine --gpu --json gpu.json

    gvlab bench web --json web.json

    gvlab bench web --users 20 --seconds 60
    """
    folder = Path(__file__).resolve().parents[3] / "benchmarks"
    if not (folder / f"{what.value}.py").is_file():
        raise LibraryError(
            f'There is no folder "{folder}": benchmarks are in the repository only. Clone it, and run this there.'
        )
    given = [f"--json={json_file}"] if json_file else []
    given += [f"--figure={figure}"] if figure else []
    given += ["--quick"] if quick else []
    given += ["--docs"] if docs else []
    given += ["--gpu"] if gpu else []
    given += [f"--users={users}", f"--seconds={seconds}"] if users else []
    sys.path.insert(0, str(folder))
    runpy.run_path(str(folder / f"{what.value}.py"))["main"](given)
