"""The six figures: drawn from few mice, told of where they cannot be drawn, never in the way of a run."""

from __future__ import annotations

import pytest

from gvlab import papers
from gvlab.errors import UnknownNameError
from gvlab.findings.one_set import members_of
from gvlab.findings.study import Study
from gvlab.papers.mathew2018 import figure4, figure5, figure6
from gvlab.papers.mathew2018 import figures as paper_figures
from gvlab.papers.mathew2018 import patients as patient_samples
from gvlab.papers.mathew2018.context import FigureContext
from gvlab.views import svg


@pytest.fixture(scope="module")
def study():
    return Study.of(("mathew2018_axis", "mathew2018_cd8_phenotype"), seed=5, subjects=9)


@pytest.fixture(scope="module")
def patients():
    return dict(Study.of(("patients_four_arms",), seed=5, subjects=60).run())


@pytest.fixture(scope="module")
def runs(study, patients):
    return {**dict(study.run()), **patients}


@pytest.fixture(scope="module")
def findings(study, runs):
    return study.judge(runs)


def test_figures_whose_experiments_were_run_are_made_in_three_formats_with_a_table_each(runs, findings):
    drawn = paper_figures.draw(runs, findings)
    assert drawn.faults == ()
    assert drawn.section is not None
    assert [each.id for each in drawn.section.pictures] == ["paper-figure-4", "paper-figure-5", "paper-figure-6"]
    assert set(drawn.files) == {f"figure_{number}.{kind}" for number in (4, 5, 6) for kind in ("svg", "pdf", "png")}
    assert set(drawn.readings) == {"figure_4.csv", "figure_5.csv", "figure_6.csv"}
    for number in (4, 5, 6):
        # Where a mouse has no T cells there is no phenotype to read.
        assert len(drawn.readings[f"figure_{number}.csv"]) > 20
        # Letters are embedded as TrueType, which printers and illustrators can edit.
        assert b"/FontFile2" in drawn.files[f"figure_{number}.pdf"]


def test_captions_say_n_seed_version_and_simulated(runs, findings):
    for each in paper_figures.draw(runs, findings, kinds=()).section.pictures:
        who = (
            ("Assumed", "n = ") if each.id == "paper-figure-4" else ("virtual patients", "not for individual treatment")
        )
        for word in (*who, "seed 5", "model ", "imulated"):
            assert word in each.caption


def test_the_same_seed_gives_the_same_picture(runs, findings):
    first, second = (
        [svg(view) for view in paper_figures.draw(runs, findings, kinds=()).section.pictures[0].views] for _ in range(2)
    )
    assert first == second
    assert len(first) == 10


def test_patients_are_shown_before_and_after_in_responders_and_in_others(runs, findings):
    for build in (figure5.build, figure6.build):
        figure = build(FigureContext(runs, findings))
        for view in figure.views:
            first, second, third, fourth = (row[1] for row in view.table.rows)
            # The same patients stand before and after.
            assert first == second > 0
            assert third == fourth > 0
        assert "complete remission by day 182" in figure.caption


def test_without_a_responder_the_figure_says_so(patients, findings, monkeypatch):
    def nobody(results, group, arm):
        members = members_of(results, group, arm)
        return members & False if group.holds else members

    monkeypatch.setattr(patient_samples, "members_of", nobody)
    drawn = paper_figures.draw(patients, findings, kinds=())
    assert len(drawn.faults) == 2
    assert 'Of 60 patients of "Sorafenib + DLI" none is among the responders. Simulate more.' in drawn.faults[0]


def test_a_figure_that_cannot_be_drawn_is_told_of_and_stops_nothing(runs, findings, monkeypatch):
    def broken(context):
        raise ZeroDivisionError("a reading of nothing")

    monkeypatch.setattr(paper_figures, "BUILDERS", (figure4.build, broken))
    drawn = paper_figures.draw(runs, findings, kinds=())
    assert [picture.id for picture in drawn.section.pictures] == ["paper-figure-4"]
    assert drawn.faults == ("Figure 2 could not be drawn: ZeroDivisionError: a reading of nothing",)


def test_a_paper_that_is_not_there_is_answered(runs, findings):
    with pytest.raises(UnknownNameError, match=r'no paper named "mathew2019"\. Did you mean "mathew2018"'):
        papers.draw_figures("mathew2019", runs, findings)
