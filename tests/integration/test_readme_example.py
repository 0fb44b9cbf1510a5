"""What README, reference and examples print as Python runs as it is printed."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/reference.md")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = [
    pytest.param(block, id=f"{page}: {block.splitlines()[0]}")
    for page in PAGES
    for block in re.findall(
        r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
]


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


def test_every_page_has_an_example():
    assert {block.id.split(":")[0] for block in BLOCKS} == set(PAGES)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_examples_of_a_page_run(block, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "page", "exec"), {})
    assert capsys.readouterr().out
