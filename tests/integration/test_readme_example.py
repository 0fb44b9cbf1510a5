"""What the example of the repository prints, it prints."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_mouse_example_runs_as_it_is_printed(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(ROOT / "examples" / "mathew2018_survival.py"))
    survival, il15, knockout, *bibliography = capsys.readouterr().out.splitlines()
    assert survival.startswith("log-rank p")
    assert "ratio" in il15
    assert "Mann-Whitney" in il15
    assert knockout.startswith("log-rank p")
    assert any("doi:10.1038/nm.4484" in line for line in bibliography)
    assert (tmp_path / "survival.pdf").read_bytes().startswith(b"%PDF")
    assert {arm: len(run) for arm, run in names["results"].runs.items()} == dict.fromkeys(names["results"].arms, 10)
