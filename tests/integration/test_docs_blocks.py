"""Every block of the documentation runs as pasted, in the order of its page, in a fresh folder as a reader has it."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer.main

from gvlab.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SETTING = re.compile(r"[A-Z_]+=\S*")

PICTURES = {"", "text", "math", "mermaid"}
"""Kinds of blocks that are looked at and not pasted."""

NOT_RUN = {
    r"git clone|make |pip install": "what sets up, which continuous integration does",
    r"(\S*/)?gvlab serve": "does not end; tests/browser starts it",
    r"dask |gvlab run .*--cluster": "takes workers; test_cluster.py starts some",
    r"import gvlab\nfrom (dask_jobqueue|gvlab\.simulation\.cluster)": "takes workers; test_cluster.py starts some",
}
"""Lines of a shell, and beginnings of scripts, that no test runs, and why."""

SLOW = re.compile(
    r"(\S*/)?gvlab (design|synergy|population|run (mathew2018|smith2031|patients))(?!.* --as-file)"
    r"|from gvlab\.workflows\.plan_experiment"
)
"""What takes more than some seconds of a processor: run at night, and by day only read."""


@dataclass(frozen=True)
class Block:
    """A block of a page: its language and what stands in it."""

    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        """Lines of a shell, those that go on joined, without comments and what stands for a prompt."""
        joined = self.text.replace("\\\n", " ").splitlines()
        return [line for line in joined if shlex.split(line, comments=True)]


def blocks_of(page: Path) -> Iterator[Block]:
    for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language not in PICTURES:
            yield Block(language, text)


def reason(text: str) -> str:
    """Return why something is not run; "" where it is."""
    return next((why for begins, why in NOT_RUN.items() if re.match(begins, text)), "")


def commands(page: Path) -> list[list[str]]:
    """Return the arguments of every gvlab command of a page, as a shell would hand them over."""
    found = []
    for line in (line for block in blocks_of(page) if block.language == "sh" for line in block.lines):
        words = shlex.split(line, comments=True)
        while _SETTING.fullmatch(words[0]):
            words.pop(0)
        if words[0] in ("gvlab", ".venv/bin/gvlab"):
            found.append(words[1:])
    return found


WITH_BLOCKS = [page for page in PAGES if list(blocks_of(page))]
every_page = pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: page.stem)


@every_page
def test_every_command_of_a_page_can_be_called(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    group = typer.main.get_command(app)
    for words in commands(page):
        with group.make_context("gvlab", list(words), resilient_parsing=True) as context:
            name, command, rest = group.resolve_command(context, list(words))
            # An unknown option or a value that is none of a choice is refused here, before anything is done.
            command.make_context(name, rest, parent=context).close()


@every_page
def test_no_command_of_a_page_writes_into_a_folder_that_another_has_filled(page):
    folders = [words[words.index("--out") + 1] for words in commands(page) if "--out" in words]
    folders += [name for block in blocks_of(page) for name in re.findall(r'\.write\("(.*?)"\)', block.text)]
    assert len(folders) == len(set(folders))


@every_page
def test_the_name_of_the_command_is_one_that_the_reader_has(page):
    blocks = [block.text for block in blocks_of(page) if block.language == "sh"]
    said = {word for block in blocks for word in re.findall(r"(?:\.venv/bin/)?gvlab(?= [a-z])", block)}
    text = page.read_text(encoding="utf-8")
    assert "gvlab" not in said or ". .venv/bin/activate" in text or 'pip install "gvlab' in text


def brought(folder: Path) -> None:
    """Write the files that a reader of "Analyze your data" has."""
    files = ROOT / "tests" / "reference" / "files"
    rows = [(f"m{n}", 14 + n, int(n < 5), "Vehicle") for n in range(6)]
    rows += [(f"s{n}", 20 + n, int(n < 3), "Sorafenib") for n in range(6)]
    text = "".join(f"{mouse},{day},{event},{group}\n" for mouse, day, event, group in rows)
    (folder / "survival.csv").write_text(f"mouse,time [days],event (1 = died),group\n{text}")
    text = "".join(f"{n},BM + T cells,9,IL-15,{10 + n},pg/mL\n" for n in range(5))
    (folder / "elisa.csv").write_text(f"subject,group,day,analyte,value,unit\n{text}")
    (folder / "mito_stress.xlsx").write_bytes((files / "wave" / "pbmc_donor_a.xlsx").read_bytes())
    gates, tube = (files / "gatingml" / name for name in ("gml_parent_quadrant_rect_gate.xml", "data1.fcs"))
    (folder / "strategy.xml").write_bytes(gates.read_bytes())
    (folder / "tubes").mkdir()
    for place in ("tube1.fcs", "tubes/t1.fcs", "tubes/t2.fcs"):
        (folder / place).write_bytes(tube.read_bytes())
    (folder / "sheet.csv").write_text("Tube,mouse,group,day\nt1,m1,Vehicle,12\nt2,m2,Sorafenib,12\n")


def run_page(page: Path, gvlab: Callable[..., object], monkeypatch: pytest.MonkeyPatch, *, slow: bool) -> int:
    """Run the blocks of a page in the current folder, those that are slow too or not, and return how many ran."""
    names: dict[str, object] = {"__name__": "__main__"}
    count = 0
    for block in blocks_of(page):
        if block.language == "sh":
            for line in block.lines:
                if not reason(line) and (slow or not SLOW.search(line)):
                    count += 1
                    run_line(line, gvlab, monkeypatch)
        elif block.language == "python":
            if not reason(block.text) and (slow or not SLOW.match(block.text)):
                count += 1
                with redirect_stdout(io.StringIO()):
                    exec(compile(block.text, page.name, "exec"), names)
        else:
            # A file says in its first line, a comment, what it is called.
            mark, name, *more = block.text.splitlines()[0].split()
            assert mark in ("#", "%"), block.text
            assert not more, block.text
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            with Path(name).open("a", encoding="utf-8") as file:
                file.write(block.text)
    return count


def run_line(line: str, gvlab: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line, comments=True)
    if words[0] == "export":
        name, _, value = words[1].partition("=")
        monkeypatch.setenv(name, value)
        return
    with monkeypatch.context() as here:
        while _SETTING.fullmatch(words[0]):
            name, _, value = words.pop(0).partition("=")
            here.setenv(name, value)
        if words[0] in ("gvlab", ".venv/bin/gvlab"):
            said = gvlab(*words[1:])
            assert said.code == 0, f"{line}\n{said.complained}\n{said.printed}"
        else:
            subprocess.run(["sh", "-e", "-c", line], check=True)


@every_page
@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["", "and what is slow"])
def test_a_page_runs_as_pasted_in_a_fresh_folder(page, slow, gvlab, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GVLAB_LIBRARY", raising=False)
    # A checkout has its sources and its environment.
    (tmp_path / "src").symlink_to(ROOT / "src")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    if page.stem == "analyze_your_data":
        brought(tmp_path)
    run_page(page, gvlab, monkeypatch, slow=slow)


def test_most_blocks_are_run_and_every_rule_that_leaves_one_out_is_needed():
    lines = [line for page in PAGES for block in blocks_of(page) if block.language == "sh" for line in block.lines]
    lines += [block.text for page in PAGES for block in blocks_of(page) if block.language == "python"]
    for begins in NOT_RUN:
        assert any(re.match(begins, line) for line in lines), begins
    assert sum(bool(reason(line)) for line in lines) < 0.25 * len(lines)
