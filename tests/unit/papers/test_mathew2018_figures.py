"""The six figures: drawn from few mice, told of where they cannot be drawn, never in the way of a run."""

from __future__ import annotations

import pytest

from gvlab import library
from gvlab.findings.one_set import judge_finding
from gvlab.findings.study import Study
from gvlab.papers.mathew2018 import figure4, figure5, figure6
from gvlab.papers.mathew2018 import figures as paper_figures
from gvlab.papers.mathew2018.desk import Desk
from gvlab.report import study_report


@pytest.fixture(scope="module")
def study():
    return Study.of(("mathew2018_axis", "mathew2018_cd8_phenotype"), seed=5, subjects=9)


@pytest.fixture(scope="module")
def runs(study):
    return dict(study.run())


@pytest.fixture(scope="module")
def findings(study, runs):
    return study.judge(runs)


def test_figures_whose_experiments_were_run_are_written_in_three_formats(runs, findings, tmp_path):
    drawn = paper_figures.draw(runs, findings, tmp_path)
    assert drawn.faults == ()
    assert [each.id for each in drawn.pictures] == ["paper-figure-4", "paper-figure-6"]
    for number in (4, 6):
        stem = tmp_path / "figures" / f"figure_{number}"
        assert {path.suffix for path in drawn.files if path.stem == stem.name} == {".svg", ".pdf", ".png", ".csv"}
        assert stem.with_suffix(".csv").read_text(encoding="utf-8").startswith("# simulated by GVLab")
        # Letters are embedded as TrueType, which printers and illustrators can edit.
        assert b"/FontFile2" in stem.with_suffix(".pdf").read_bytes()


def test_captions_say_n_seed_version_and_simulated(runs, findings):
    for each in paper_figures.draw(runs, findings).pictures:
        for word in ("n = ", "seed 5", "model ", "imulated", "Assumed"):
            assert word in each.caption


def test_the_same_seed_gives_the_same_picture(runs, findings):
    first, second = (paper_figures.draw(runs, findings, width=114.0).pictures[0].svg for _ in range(2))
    assert first == second


def test_readings_in_the_table_are_those_of_the_drawn_mice(runs, findings):
    desk = Desk(runs, findings)
    figure = figure6.build(desk)
    spare = figure.readings[0]
    assert spare.groupby("arm").size().max() <= 8
    assert set(spare["analyte"]) == {"spare"}
    assert spare["value"].between(0, 300).all()


def test_a_figure_that_cannot_be_drawn_is_told_of_and_stops_nothing(study, runs, findings, tmp_path, monkeypatch):
    def broken(desk):
        raise ZeroDivisionError("a reading of nothing")

    monkeypatch.setattr(paper_figures, "BUILDERS", (figure4.build, broken))
    drawn = paper_figures.draw(runs, findings)
    assert len(drawn.pictures) == 1
    assert drawn.faults == ("Figure 2 could not be drawn: ZeroDivisionError: a reading of nothing",)
    page = study_report.write(study, runs, findings, study.manifest(runs), tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "a reading of nothing" in text
    assert "paper-figure-4" in text


def test_patients_are_said_to_be_missing(runs):
    records = [record for record in library.read_all("findings").values() if record.id in figure5.CLAIMS]
    judged = [judge_finding(record, runs, 5) for record in records]
    (picture,) = paper_figures.draw({}, judged).pictures
    assert picture.id == "paper-figure-5"
    assert "the model has no patients yet" in picture.caption
    assert "not for individual treatment decisions" in picture.caption
    assert picture.claims == figure5.CLAIMS
