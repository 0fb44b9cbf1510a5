"""Cases of the SBML semantic test suite that stand in this repository: every construct in scope, three times."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from .adapter import simulate

CASES = Path(__file__).parent / "cases"
NUMBERS = sorted(file.name[:5] for file in CASES.glob("*-settings.txt"))


def settings_of(case: str) -> dict:
    """Read what is asked for."""
    lines = (CASES / f"{case}-settings.txt").read_text(encoding="utf-8").splitlines()
    given = dict((part.strip() for part in line.split(":", 1)) for line in lines if ":" in line)
    lists = {
        name: [each.strip() for each in given.get(name, "").split(",") if each.strip()]
        for name in ("variables", "amount", "concentration")
    }
    numbers = {name: float(given.get(name) or 0) for name in ("start", "duration", "absolute", "relative")}
    return lists | numbers | {"steps": int(given["steps"]), "testType": "TimeCourse"}


def expected(case: str) -> tuple[list[str], np.ndarray]:
    """Read the names and the table of the suite."""
    with (CASES / f"{case}-results.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if any(row)]
    return [name.strip() for name in rows[0]], np.array([[float(value) for value in row] for row in rows[1:]])


def test_there_are_enough_cases():
    assert len(NUMBERS) >= 40
    assert "LESSER GENERAL PUBLIC LICENSE" in (CASES / "LICENSE.txt").read_text().upper().replace("\n", " ")


@pytest.mark.parametrize("case", NUMBERS)
def test_a_case_is_right(case):
    """The rule of the suite: no further off than its absolute plus its relative tolerance times what is expected."""
    settings = settings_of(case)
    # The newest level that has the construct.
    times, columns = simulate(next(CASES.glob(f"{case}-sbml-*.xml")), settings)
    names, table = expected(case)
    np.testing.assert_allclose(times, table[:, 0], rtol=1e-9, atol=1e-9 * settings["duration"])
    assert set(names[1:]) == set(settings["variables"])
    for name, right in zip(names[1:], table[:, 1:].T, strict=True):
        found = np.broadcast_to(np.asarray(columns[name], dtype=float), right.shape)
        np.testing.assert_allclose(
            found, right, rtol=settings["relative"], atol=settings["absolute"], err_msg=name, equal_nan=True
        )
