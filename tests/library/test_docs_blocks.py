"""Commands in the documentation: each is one that exists, with options it has; no folder is written twice."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from gvlab.cli import app

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "how_to").glob("*.md")),
    *sorted((ROOT / "docs/tutorials").glob("*.md")),
)
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """Return the arguments of every gvlab command of a page, as a shell would hand them over."""
    found = []
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words = words[1:]
            if words and words[0] in ("gvlab", ".venv/bin/gvlab"):
                found.append(words[1:])
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_can_be_called(page):
    group = typer.main.get_command(app)
    for words in commands(page):
        with group.make_context("gvlab", list(words), resilient_parsing=True) as context:
            name, command, rest = group.resolve_command(context, list(words))
            # An unknown option or a value that is none of a choice is refused here, before anything is done.
            command.make_context(name, rest, parent=context).close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_command_of_a_page_writes_into_a_folder_that_another_has_filled(page):
    folders = [words[words.index("--out") + 1] for words in commands(page) if "--out" in words]
    assert len(folders) == len(set(folders))


@pytest.mark.nightly
@pytest.mark.parametrize("page", ["plan_an_experiment"])
def test_a_page_runs_as_pasted_in_a_fresh_folder(page, tmp_path):
    path = next(each for each in PAGES if each.stem == page)
    for words in commands(path):
        done = subprocess.run(
            [sys.executable, "-m", "gvlab", *words], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"gvlab {shlex.join(words)}\n{done.stderr}"
