"""The command as a user has it: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from gvlab.cli import main
from gvlab.cli.common import out


class Outcome:
    """What a command printed, and the code it ended with."""

    def __init__(self, code: int, printed: str, complained: str) -> None:
        self.code = code
        self.printed = printed
        self.complained = complained


@pytest.fixture
def gvlab(monkeypatch, capsys) -> Callable[..., Outcome]:
    """Run a command in this process: what `gvlab` does, without the second that Python takes to start."""

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["gvlab", *arguments])
        monkeypatch.setattr(out, "width", 200)
        monkeypatch.setattr(out, "stderr", False)  # a command that prints data puts its words there
        capsys.readouterr()
        with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), said.out, said.err)

    return run


def start(*arguments: str, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    """Start `python -m gvlab` in a process of its own; `env` is added to the environment.

    Its SIGINT is that of a terminal: a test runner started in the background ignores it, and children inherit that.
    """
    environment = {**os.environ, "COLUMNS": "200", **options.pop("env", {})}
    own = options.pop("preexec_fn", lambda: None)

    def before() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        own()

    return subprocess.Popen(
        [sys.executable, "-m", "gvlab", *arguments],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment,
        preexec_fn=before, **options,
    )  # fmt: skip


def finish(process: subprocess.Popen[str], timeout: float = 240) -> Outcome:
    printed, complained = process.communicate(timeout=timeout)
    return Outcome(process.returncode, printed, complained)


@pytest.fixture
def command(tmp_path) -> Callable[..., Outcome]:
    """Run `python -m gvlab` to its end, in an empty folder."""
    return lambda *arguments, **options: finish(start(*arguments, cwd=tmp_path, **options))


def whole_tables(folder: Path) -> list[Path]:
    """Read every Parquet file that has its final name; each must be whole."""
    found = [path for path in sorted(folder.rglob("*.parquet")) if not path.name.startswith(".")]
    for path in found:
        assert pq.read_table(path).num_rows >= 0
    return found
