"""Every case of the SBML semantic test suite in scope: the table is right, or the model is refused by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SUITE = ROOT.parent / "shared" / "suites"
RUNNER = SUITE / "run_sbml_suite.py"

pytestmark = pytest.mark.skipif(
    not RUNNER.exists(), reason=f"the SBML semantic test suite is not at {SUITE}; it is not part of this repository"
)


def run(folder: Path, *options: str) -> list[dict[str, str]]:
    """Run the suite's own runner, as from the command line."""
    out = folder / "results.json"
    command = [sys.executable, str(RUNNER), "--scope", "core", "--timeout", "120", "--out", str(out), *options]
    command += ["--adapter", "tests.reference.sbml_suite.adapter:simulate"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True)
    return json.loads(out.read_text())["results"]


def assert_no_wrong_table(results: list[dict[str, str]]) -> None:
    wrong = [result for result in results if result["status"] not in ("pass", "unsupported")]
    assert not wrong, wrong[:5]
    assert sum(result["status"] == "pass" for result in results) > 0.9 * len(results)


def test_a_part_of_the_cases_is_right(tmp_path):
    numbers = ",".join(str(number) for number in range(3, 1900, 25))
    results = run(tmp_path, "--cases", numbers, "--jobs", "1")
    assert len(results) > 15
    assert_no_wrong_table(results)


@pytest.mark.nightly
def test_every_case_is_right(tmp_path):
    assert_no_wrong_table(run(tmp_path, "--jobs", "2"))
