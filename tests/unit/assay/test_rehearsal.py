"""A rehearsal and an experiment are judged alike: the analysis of a simulated raw file gives the simulated readings."""

import pytest
from assay_samples import spread

from gvlab.assay import analyze
from gvlab.assay.assay import Assay


def measured(name, rng, folder):
    assay = Assay.named(name)
    readings = assay.read(spread(4, (5.0,), assay.outputs), rng)
    paths = readings.write(folder)
    return readings.table, [path for path in paths if path.suffix != ".xml"], folder


def by_subject(table, analyte):
    rows = table[table["analyte"] == analyte]
    return {f"{row.subject} d{row.time:g}": row.value for row in rows.itertuples()}


def test_elisa(rng, tmp_path):
    table, (path,), _ = measured("serum_il15", rng, tmp_path)
    analysis = analyze(path)
    assert analysis.simulated
    found = dict(zip(analysis.table["sample"], analysis.table["value"], strict=True))
    assert found == pytest.approx(by_subject(table, "IL15"), rel=2e-3)


def test_qpcr(rng, tmp_path):
    table, (path,), _ = measured("qpcr", rng, tmp_path)
    analysis = analyze(path)
    assert analysis.simulated
    for gene in ("Il15", "Irf7", "Atf4"):
        rows = analysis.table[analysis.table["target"] == gene]
        found = dict(zip(rows["sample"], rows["ratio"], strict=True))
        for sample, value in by_subject(table, gene).items():
            assert found[sample] == pytest.approx(value, rel=2e-3)


@pytest.mark.parametrize("name", ["western", "phosphoflow", "chip_il15_promoter"])
def test_relative_signals(name, rng, tmp_path):
    table, (path,), _ = measured(name, rng, tmp_path)
    analysis = analyze(path)
    assert analysis.simulated
    for analyte in set(table["analyte"]):
        rows = analysis.table[analysis.table["analyte"] == analyte]
        found = dict(zip(rows["sample"], rows["ratio"], strict=True))
        assert found == pytest.approx(by_subject(table, analyte), rel=1e-4)


def test_bioluminescence(rng, tmp_path):
    table, (path,), _ = measured("bioluminescence", rng, tmp_path)
    analysis = analyze(path)
    assert analysis.simulated
    assert list(analysis.table["value"]) == pytest.approx(list(table["value"]), rel=1e-4)
    assert list(analysis.table["arm"]) == list(table["arm"])


@pytest.mark.parametrize("name", ["seahorse_mito", "seahorse_glycolysis"])
def test_stress_tests(name, rng, tmp_path):
    table, (path,), _ = measured(name, rng, tmp_path)
    analysis = analyze(path)
    assert analysis.simulated
    groups = analysis.table.set_index("group")
    for analyte in set(table["analyte"]):
        assert groups[f"{analyte}_mean"].to_dict() == pytest.approx(by_subject(table, analyte), rel=1e-9)


def test_flow(rng, tmp_path):
    table, paths, folder = measured("cd8_flow", rng, tmp_path)
    expected = by_subject(table, "cd107a_ifng_percent")
    bcl2 = by_subject(table, "bcl2_median")
    for path in paths:
        analysis = analyze(path, gates=folder / "cd8_flow_gating.xml")
        assert analysis.simulated
        sample = path.stem.removeprefix("cd8_flow_").replace("_", " ")
        gates = analysis.table.set_index("gate")
        medians = analysis.tables["medians"].set_index("gate")
        assert gates.loc["cd107a_ifng", "percent_of_parent"] == pytest.approx(expected[sample])
        assert medians.loc["donor_cd8", "Bcl2"] == pytest.approx(bcl2[sample], rel=1e-5)
        assert gates.loc["cd107a_ifng", "parent"] == "donor_cd8"
        assert "simulated" in str(analysis)
