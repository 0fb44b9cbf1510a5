"""gvlab run --raw: what the virtual instruments write is read again by our own readers, and says the same."""

from __future__ import annotations

import pandas as pd
import pytest

from conftest import finish, start
from gvlab.assay import analyze
from gvlab.assay.samples import MARK

EVERY_INSTRUMENT = """
name: every_instrument
title: Every instrument
question: Do the files of the instruments read again?
systems: [b6_into_balbc_wehi3b]
arms:
  - {name: T cells, doses: [conditioning, marrow, leukemia, t_cells]}
  - {name: both, doses: [conditioning, marrow, leukemia, t_cells, sorafenib]}
readouts: [cd8_flow, seahorse_mito, seahorse_glycolysis, serum_il15, clinical_score, chimerism, spleen_cd8_count,
           western, phosphoflow, qpcr, chip_il15_promoter, {name: bioluminescence, at: [day 3, day 7, day 14]}]
until: day 14
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("raw")
    (place / "library" / "experiments").mkdir(parents=True)
    (place / "library" / "experiments" / "every_instrument.yaml").write_text(EVERY_INSTRUMENT)
    said = finish(
        start("run", "every_instrument", "--subjects", "8", "--raw", "--out", "mine", cwd=place,
              env={"GVLAB_LIBRARY": str(place / "library")})
    )  # fmt: skip
    assert said.code == 0, said.complained
    return place / "mine" / "instruments"


def assay_folders(folder):
    return sorted(path for path in folder.glob("*/*/*") if path.is_dir())


def test_every_assay_has_a_folder_and_every_file_says_that_it_is_simulated(folder):
    assert len(assay_folders(folder)) == 12
    text = (folder / "README.txt").read_text(encoding="utf-8")
    assert text.startswith(MARK)
    assert "T cells: A0, A1, A2" in text
    assert "both: B3, B4, B5" in text
    for place in assay_folders(folder):
        assert place.name in text
        for file in place.iterdir():
            if file.suffix in (".csv", ".xml", ".fcs"):
                assert MARK in file.read_bytes().decode("latin-1"), file.name


def files_of(folder):
    return [file for place in assay_folders(folder) for file in sorted(place.iterdir()) if file.suffix != ".xml"]


def test_every_file_is_read_again_and_known_as_simulated(folder):
    files = files_of(folder)
    assert {file.suffix for file in files} == {".csv", ".fcs", ".xlsx"}
    for file in files:
        assert analyze(file).simulated, file.name


def test_a_file_of_each_kind_is_analyzed_by_the_command(folder, gvlab, tmp_path):
    kinds = {analyze(file).kind: file for file in files_of(folder)}
    assert len(kinds) == 7
    for number, file in enumerate(kinds.values()):
        said = gvlab("analyze", str(file), "--out", str(tmp_path / str(number)))
        assert said.code == 0, f"{file.name}: {said.complained}"
        assert f"({MARK})" in said.printed, file.name


def readings(folder, assay):
    return pd.read_csv(next(folder.glob(f"*/*/{assay}")) / "readings.csv", comment="#")


def test_gated_events_of_a_tube_give_the_percentage_of_the_table(folder):
    place = next(folder.glob("*/*/cd8_flow"))
    table = readings(folder, "cd8_flow")
    assert table["subject"].nunique() == 6
    for row in table[table["analyte"] == "cd107a_ifng_percent"].itertuples():
        found = analyze(place / row.raw_file, gates=place / "cd8_flow_gating.xml")
        gates = found.tables["gates"].set_index("gate")
        assert gates.loc["cd107a_ifng", "percent_of_parent"] == pytest.approx(row.value, rel=1e-9)


def test_wells_of_a_stress_test_give_the_capacity_of_the_table(folder):
    place = next(folder.glob("*/*/seahorse_mito"))
    table = readings(folder, "seahorse_mito")
    found = analyze(next(place.glob("*.xlsx"))).tables["groups"]
    for row in table[table["analyte"] == "spare"].itertuples():
        mine = found[found["group"].astype(str).str.startswith(f"{row.subject} ")]
        assert float(mine["spare_mean"].iloc[0]) == pytest.approx(row.value, rel=1e-3)


def test_an_assay_is_read_on_the_days_that_its_experiment_names(folder):
    assert set(readings(folder, "bioluminescence")["time"]) == {3.0, 7.0, 14.0}
    assert set(readings(folder, "serum_il15")["time"]) == {14.0}
