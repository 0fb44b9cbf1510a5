"""gvlab analyze: files of a laboratory in, tables and figures out, and questions where a coding is unclear."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from scipy import stats

from gvlab.assay.fcs import FlowFile, write_fcs
from gvlab.assay.gating import Dimension, RectangleGate, Strategy
from gvlab.assay.gatingml import encode

FILES = Path(__file__).parents[1] / "reference" / "files"

PRISM = "Days,Vehicle,Sorafenib\n12,1,\n15,1,\n18,1,\n22,1,\n40,,1\n100,,0\n100,,0\n100,,0\n"
STATUS = "mouse,group,days,status\n" + "".join(f"m{i},{'ab'[i % 2]},{10 + 3 * i},{i % 3 // 2}\n" for i in range(12))


@pytest.fixture
def save(tmp_path):
    def written(text: str, name: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return written


def readings() -> str:
    rng = np.random.default_rng(1)
    lines = ["mouse,group,day,analyte,value,unit"]
    for mouse in range(10):
        for day in (4, 12):
            arm, shift = ("treated", 30.0) if mouse % 2 else ("control", 0.0)
            lines.append(f"m{mouse},{arm},{day},IL-15,{20 + shift + rng.normal():.2f},pg/mL")
    return "\n".join(lines) + "\n"


def test_a_survival_table_gives_figure_tables_and_effect(gvlab, save, tmp_path):
    done = gvlab("analyze", str(save(PRISM, "mice.csv")), "--out", str(tmp_path / "o"))
    assert done.code == 0, done.complained
    assert "Sorafenib against Vehicle (n = 4 and 4): hazard ratio" in done.printed
    pairs = pd.read_csv(tmp_path / "o" / "comparisons.csv", comment="#")
    assert list(pairs[["n", "n_versus", "events", "events_versus"]].iloc[0]) == [4, 4, 1, 4]
    # Every way of dealing eight animals to two arms of four, each by SciPy's own log-rank statistic.
    days, died = np.array([12, 15, 18, 22, 40, 100, 100, 100.0]), np.array([True] * 5 + [False] * 3)
    others = [
        stats.logrank(*(stats.CensoredData(days[m & died], right=days[m & ~died]) for m in (first, ~first))).statistic
        for first in (np.isin(np.arange(8), some) for some in combinations(range(8), 4))
    ]
    as_far = np.mean(np.abs(others) >= np.abs(others[0]) - 1e-9)
    assert pairs["p_value"].iloc[0] == pytest.approx(as_far)
    assert pairs["test"].iloc[0] == "log-rank by permutation"
    assert f"log-rank p = {as_far:.2g} (permutation)" in done.printed
    assert {file.name for file in (tmp_path / "o").iterdir()} >= {"survival.svg", "survival.png", "tables.xlsx"}
    assert json.loads((tmp_path / "o" / "analysis.json").read_text())["simulated"] is False


def test_an_unclear_code_is_asked_about_in_the_words_of_the_command(gvlab, save, tmp_path):
    path = save(STATUS, "status.csv")
    refused = gvlab("analyze", str(path), "--out", str(tmp_path / "none"))
    assert refused.code == 1
    assert "--event-is 1 if 1 is a death, --event-is 0 if 0 is" in refused.complained
    assert not (tmp_path / "none").exists()
    deaths = {}
    for code in ("1", "0"):
        done = gvlab("analyze", str(path), "--event-is", code, "--out", str(tmp_path / code))
        assert done.code == 0
        deaths[code] = pd.read_csv(tmp_path / code / "subjects.csv", comment="#")["event_observed"].sum()
    assert deaths["1"] + deaths["0"] == 12
    assert deaths["1"] == 4


def test_readings_are_drawn_over_time_and_compared_each_day(gvlab, save, tmp_path):
    done = gvlab("analyze", str(save(readings(), "elisa.csv")), "--versus", "control", "--out", str(tmp_path / "o"))
    assert done.code == 0, done.complained
    pairs = pd.read_csv(tmp_path / "o" / "comparisons.csv", comment="#")
    assert list(pairs["day"]) == [4, 12]
    assert set(pairs["b"]) == {"control"}
    assert np.allclose(pairs["shift"], 30, atol=3)
    assert (tmp_path / "o" / "IL-15_over_time.png").stat().st_size > 1000
    assert (tmp_path / "o" / "IL-15_day_12.svg").exists()


def test_an_arm_that_is_not_there_is_named(gvlab, save, tmp_path):
    done = gvlab("analyze", str(save(readings(), "elisa.csv")), "--versus", "vehicle", "--out", str(tmp_path / "o"))
    assert done.code == 1
    assert 'no arm "vehicle". Arms: control, treated' in done.complained


def test_names_of_arms_are_never_live_in_what_is_written(gvlab, save, tmp_path):
    text = PRISM.replace("Sorafenib", "@SUM(A1)")
    done = gvlab("analyze", str(save(text, "mice.csv")), "--out", str(tmp_path / "o"))
    assert done.code == 0, done.complained
    book = openpyxl.load_workbook(tmp_path / "o" / "tables.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert any("@SUM" in cell.value for cell in cells)
    assert not any(cell.data_type == "f" or cell.value[0] in "=+-@" for cell in cells)
    for file in (tmp_path / "o").glob("*.csv"):
        assert not any(cell.startswith("@") for line in file.read_text().splitlines() for cell in line.split(","))


@pytest.mark.parametrize(
    ("file", "options", "expected"),
    [
        ("wave/pbmc_donor_a.xlsx", (), {"ocr.png", "ecar.png", "parameters.png", "wells.csv"}),
        (
            "gatingml/data1.fcs",
            ("--gates", str(FILES / "gatingml" / "gml_parent_quadrant_rect_gate.xml")),
            {"markers.png", "gates.csv"},
        ),
    ],
)
def test_files_of_instruments_become_figures(gvlab, tmp_path, file, options, expected):
    done = gvlab("analyze", str(FILES / file), *options, "--out", str(tmp_path / "o"))
    assert done.code == 0, done.complained
    assert {path.name for path in (tmp_path / "o").iterdir()} >= expected


def test_what_was_simulated_stays_marked(gvlab, save, tmp_path):
    path = save("# simulated by GVLab\n" + readings(), "virtual.csv")
    done = gvlab("analyze", str(path), "--out", str(tmp_path / "o"))
    assert done.code == 0, done.complained
    assert "virtual.csv: Readings (simulated by GVLab)" in done.printed
    assert json.loads((tmp_path / "o" / "analysis.json").read_text())["simulated"] is True
    for file in (tmp_path / "o").glob("*.csv"):
        assert "simulated by GVLab" in file.read_text()
    book = openpyxl.load_workbook(tmp_path / "o" / "tables.xlsx")
    assert "simulated by GVLab" in [cell.value for cell in book["About"]["A"]]


def tubes(folder, shift=(0.0, 0.0, 0.0, 1.0, 1.0, 1.0)):
    """Six tubes with two channels; `shift` moves the half of the events that is positive."""
    folder.mkdir()
    for number, up in enumerate(shift, 1):
        rng = np.random.default_rng(number)
        signal = np.where(np.arange(600) < 200 + 100 * up, 5000.0, 10.0) + rng.random(600)
        write_fcs(
            folder / f"t{number}.fcs", FlowFile(np.stack([signal, signal], axis=1), ("PE-A", "APC-A"), ("CD4", ""))
        )
    gates = (
        RectangleGate("CD4+", (Dimension("PE-A", "uncompensated"),), (1000.0,), (float("inf"),)),
        RectangleGate("high", (Dimension("PE-A", "uncompensated"),), (5000.5,), (float("inf"),), "CD4+"),
    )
    (folder.parent / "gates.xml").write_text(encode(Strategy(gates)))
    return folder


def test_a_folder_of_tubes_and_a_sheet_give_one_table(gvlab, save, tmp_path):
    folder = tubes(tmp_path / "tubes")
    (folder / "damaged.fcs").write_bytes(b"FCS3.1" + b" " * 60)
    rows = "".join(f"t{n},m{n},{'Vehicle' if n < 4 else 'Sora'},12\n" for n in range(1, 6)) + "damaged.fcs,m9,Sora,12\n"
    sheet = save("Tube,mouse,group,day\n" + rows, "sheet.csv")
    done = gvlab(
        "analyze", str(folder), "--samples", str(sheet), "--gates", str(tmp_path / "gates.xml"), "--out",
        str(tmp_path / "o"),
    )  # fmt: skip
    assert done.code == 0, done.complained
    assert "5 tubes were read." in done.printed
    assert "damaged.fcs was left out: " in done.printed
    assert "Not in the sample sheet, so not read: t6.fcs." in done.printed
    wide = pd.read_csv(tmp_path / "o" / "percentages.csv", comment="#").set_index("subject")
    assert wide.loc["m1", "CD4+"] == pytest.approx(100 * 200 / 600)
    assert wide.loc["m5", "CD4+"] == pytest.approx(100 * 300 / 600)
    pairs = pd.read_csv(tmp_path / "o" / "comparisons.csv", comment="#").set_index("analyte")
    assert pairs.loc["CD4+ (of all)", "shift"] == pytest.approx(100 / 6)
    assert (tmp_path / "o" / "CD4+_of_all_day_12.svg").exists()


def test_a_folder_and_its_sheet_must_fit(gvlab, save, tmp_path):
    folder = tubes(tmp_path / "tubes", (0.0, 1.0))
    missing = gvlab("analyze", str(folder), "--samples", str(save("file,group\nt11.fcs,V\n", "a.csv")))
    assert 'names "t11.fcs", which "tubes" does not hold. Did you mean "t1.fcs"?' in missing.complained
    twice = gvlab("analyze", str(folder), "--samples", str(save("file,group\nt1,V\nT1.fcs,V\n", "b.csv")))
    assert 'the file "T1.fcs" stands twice' in twice.complained
    alone = gvlab("analyze", str(folder / "t1.fcs"), "--samples", str(tmp_path / "a.csv"))
    assert "on which --samples has no effect" in alone.complained
    (tmp_path / "none").mkdir()
    empty = gvlab("analyze", str(tmp_path / "none"))
    assert "holds no tubes (.fcs); it holds nothing" in empty.complained


def test_a_folder_that_cannot_be_named_so_is_refused_in_words(gvlab, tmp_path):
    (tmp_path / "mice.csv").write_text("mouse,group,time (days),event\n1,V,12,1\n2,S,20,1\n")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, words in (
        ("x" * 300, "A name has 300 letters"), (" ", '" " is no name of a folder'),
        (str(tmp_path / "link"), "it is a link, and what it leads to is no folder"),
    ):  # fmt: skip
        said = gvlab("analyze", str(tmp_path / "mice.csv"), "--out", name)
        assert (said.code, words in said.complained) == (1, True), said.complained
    assert gvlab("analyze", "y" * 300 + ".csv", "--out", str(tmp_path / "new")).code == 1
