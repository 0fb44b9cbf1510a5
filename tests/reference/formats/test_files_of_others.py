"""Real files of instruments and packages are read, and what is computed from them is what others compute."""

import warnings
from pathlib import Path

import flowio
import lifelines.datasets
import numpy as np
import openpyxl
import pandas as pd
import pytest

from gvlab.assay import analyze
from gvlab.assay.gatingml import read_gatingml
from gvlab.assay.readers.fcs import read_fcs
from gvlab.errors import InvalidValueError

FILES = Path(__file__).parents[1] / "files"
DATASETS = Path(lifelines.datasets.__file__).parent
GATES = {
    "gml_all_gates.xml": (),
    "gml_ellipsoid3d_gate.xml": (("Ellipsoid3D", "Ellipsoid3D"),),
    "gml_parent_quadrant_rect_gate.xml": (("ParQuadRect", "ParRectangle1"),),
}


def test_the_gatingml_reference_set_is_reproduced_event_by_event():
    """All 51 reference results: every shape, scale, ratio, matrix and hierarchy of Gating-ML 2.0."""
    folder = FILES / "gatingml"
    file = read_fcs(folder / "data1.fcs")
    truth = np.load(folder / "truth.npz")
    compared = set()
    for xml, named in GATES.items():
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            masks = read_gatingml(folder / xml).apply(file)
        # The set's own ellipsoid in three dimensions is none.
        assert bool(told) == (xml == "gml_ellipsoid3d_gate.xml")
        pairs = named or tuple((name, name) for name in masks)
        for result, gate in pairs:
            expected = np.unpackbits(truth[result])[: len(file.events)].astype(bool)
            assert np.array_equal(masks[gate], expected), result
            compared.add(result)
    assert compared == set(truth.files)
    assert len(compared) == 51


@pytest.mark.parametrize(
    "path", [*sorted((FILES / "fcs").glob("*.fcs")), FILES / "gatingml" / "data1.fcs"], ids=lambda p: p.stem
)
def test_fcs_of_cytometers_are_read_as_flowio_reads_them(path):
    """Integers of odd width, big-endian integers, little-endian floats, gains and logarithmic amplifiers."""
    if "discrepancy" in path.stem:
        # FlowIO refuses where header and keywords differ; only one of the two fits the events that are there.
        file = read_fcs(path)
        assert any("statements of where its events are differ" in note for note in file.notes)
        assert np.array_equal(file.events, read_fcs(path.with_name("variable_int_example.fcs")).events)
        return
    file = read_fcs(path)
    theirs = flowio.FlowData(str(path), ignore_offset_error=True)
    if "variable_int" in path.stem:
        theirs.text["timestep"] = "1"
    assert np.array_equal(file.events, theirs.as_array())
    assert file.channels == tuple(theirs.pnn_labels)
    assert not file.simulated
    analysis = analyze(path)
    assert list(analysis.table["channel"]) == list(file.channels)


def test_a_wave_export_gives_the_parameters_that_its_rates_give_by_hand():
    """Every well from the sheet "Rate" with pandas alone: 3 baseline, 3 after FCCP, 3 after antimycin and rotenone."""
    path = FILES / "wave" / "pbmc_donor_a.xlsx"
    analysis = analyze(path)
    assert analysis.kind == "stress test"
    assert not analysis.simulated
    rate = pd.read_excel(path, sheet_name="Rate")
    wide = rate.pivot(index="Well", columns="Measurement", values="OCR")
    non_mitochondrial = wide[[7, 8, 9]].min(axis=1)
    by_hand = pd.DataFrame(
        {
            "basal": wide[3] - non_mitochondrial,
            "maximal": wide[[4, 5, 6]].max(axis=1) - non_mitochondrial,
            "spare": wide[[4, 5, 6]].max(axis=1) - wide[3],
        }
    )
    wells = analysis.tables["wells"].set_index("well")
    assert len(wells) == 92
    for name in by_hand:
        assert wells[name].to_numpy() == pytest.approx(by_hand.loc[wells.index, name].to_numpy())
    assert any("oligomycin was not injected" in note for note in analysis.notes)
    assert "atp_linked" not in wells
    groups = analysis.tables["groups"].set_index("group")
    assert groups.loc["300.000", "spare_mean"] == pytest.approx(wells.loc[wells["group"] == "300.000", "spare"].mean())
    # More cells consume more, in every step of the titration.
    assert (np.diff(groups["maximal_mean"]) > 0).all()


def test_a_wave_export_without_its_log_is_told_so(tmp_path):
    book = openpyxl.load_workbook(FILES / "wave" / "pbmc_donor_a.xlsx")
    del book["Operation Log"]
    book.save(tmp_path / "cut.xlsx")
    with pytest.raises(InvalidValueError, match=r'lacks the sheet "Operation Log".*leave every sheet checked'):
        analyze(tmp_path / "cut.xlsx")


@pytest.mark.parametrize(
    ("name", "subjects", "events"),
    [("waltons_dataset.csv", 163, 156), ("larynx.csv", 90, 50), ("kidney_transplant.csv", 863, 140)],
)
def test_survival_tables_of_lifelines_are_read(name, subjects, events):
    analysis = analyze(DATASETS / name)
    assert analysis.kind == "survival"
    assert analysis.tables["groups"][["subjects", "events"]].sum().tolist() == [subjects, events]


def test_survival_tables_of_lifelines_that_do_not_tell_their_coding_are_asked_about():
    """In gbsg2 a "cens" of 1 is an event, in lymphoma a "Censor" of 1 is one too; in others it is the reverse."""
    for name, column in (("gbsg2.csv", "cens"), ("lymphoma.csv", "Censor"), ("lung.csv", "status")):
        with pytest.raises(InvalidValueError, match=f'the column "{column}".*Say event=1'):
            analyze(DATASETS / name)
    answered = analyze(DATASETS / "gbsg2.csv", event=1)
    assert answered.tables["groups"]["events"].sum() == 299
