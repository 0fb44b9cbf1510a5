"""The page that needs no server, own data over the prediction, and commands that take links and archives."""

import json
import re

import pytest
from typer.testing import CliRunner

from gvlab.cli import app
from gvlab.errors import GVLabError
from gvlab.web.code import command_of
from gvlab.web.downloads import archive_of
from gvlab.web.edit import edited
from gvlab.web.laboratory import Laboratory
from gvlab.web.offline import grid_axes, offline_page
from gvlab.web.own_data import over_the_prediction

BOTH = "BM + T cells + sorafenib"


@pytest.fixture
def few(state, library):
    return edited(state, library, {"subjects": "12"}).state


def test_every_point_of_the_page_was_computed_and_none_lies_between(few, library):
    axes = grid_axes(few, library, (3, 2))
    page = offline_page(few, library, points=(3, 2))
    points = json.loads(re.search(r'id="points">(.*?)</script>', page, re.DOTALL)[1])
    assert len(points) == len(axes[0].words) * len(axes[1].words)
    for place, point in points.items():
        words = [axis.words[int(at)] for axis, at in zip(axes, place.split(","), strict=True)]
        moved = edited(few, library, {axis.name: word for axis, word in zip(axes, words, strict=True)}).state
        alive = Laboratory(library).answer(moved).results.summary().arms[-1]
        assert f"{BOTH} {100 * alive.alive / alive.n:.0f} %" in point["said"]
    assert "http" not in re.sub(r"http://www.w3.org/2000/svg|http-equiv", "", page.split('<script type="module"')[0])
    assert "not for individual treatment decisions" in page


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("arm,day,died\nBM,17,1\nBM,eighteen,1\nBM,19,1\n", "cell B3 of mine.csv"),
        ("arm,day,died\nmoon,17,1\nmoon,18,1\n", "moon"),
        ("", "mine.csv"),
    ],
)
def test_data_that_cannot_be_read_name_the_cell(desk, few, text, words):
    with pytest.raises(GVLabError, match=words):
        over_the_prediction(desk.laboratory.answer(few), "mine.csv", text.encode())


def test_own_data_lie_over_the_prediction(desk, few):
    rows = "".join(f"BM,{day},1\n" for day in (17, 18, 18, 19))
    said = over_the_prediction(desk.laboratory.answer(few), "../a<b>.csv", f"arm,day,died\n{rows}".encode())
    assert said.name == "a_b_.csv"
    assert any(line.startswith("BM: log-rank of 4 subjects") for line in said.lines)
    assert any("your data, n = 4" in key.name for key in said.views[0].keys)


def test_own_readings_lie_over_the_band_of_the_same_assay(desk, few):
    rows = "".join(f"{n},BM + T cells,9,IL-15,{10 + n},pg/mL\n" for n in range(4))
    content = f"subject,group,day,analyte,value,unit\n{rows}".encode()
    said = over_the_prediction(desk.laboratory.answer(few), "elisa.csv", content)
    (view,) = said.views
    assert view.table.rows[0][:4] == ("BM + T cells", 9.0, 4, 11.5)
    low, median, high = view.table.rows[0][4:]
    assert low <= median < high
    inside = sum(low <= 10 + n <= high for n in range(4))
    assert view.summary.startswith(f"{inside} of 4 readings of IL-15 lie in the band")
    assert any(f"{inside} of 4 readings lie in the 90 % band" in line for line in said.lines)


def test_the_panel_why_names_edges_of_the_model(desk, few):
    from gvlab.web.panels import panel_parts

    panel = panel_parts(desk.laboratory.answer(few.with_look(tab="why")))["panel"]
    assert "<svg" in panel, panel[:500]
    alone = few.with_experiment(few.experiment.replace(arms=few.experiment.arms[:1])).with_look(arm="", tab="why")
    assert "There is one arm" in panel_parts(desk.laboratory.answer(alone))["panel"]


def test_the_panels_of_a_day_answer_a_moved_slider_below_it(desk, few):
    from gvlab.web.panels import panel_parts

    axis = few.with_look(tab="axis")
    whole = panel_parts(desk.laboratory.answer(axis))
    assert set(whole) == {"panel"}
    # Nobody chose a day, so it is the last on which anything is given.
    assert 'aria-valuetext="day 14"' in whole["panel"]
    assert "The axis in" in whole["panel"] or "on day 14 the strongest edges" in whole["panel"]
    moved = panel_parts(desk.laboratory.answer(axis.with_look(day="day 9")), None, "look.day")
    assert set(moved) == {"panel-answer"}
    assert "on day 9 the strongest edges" in moved["panel-answer"]
    late = panel_parts(desk.laboratory.answer(axis.with_look(day="day 5000")), None, "look.day")["panel-answer"]
    assert "day 100" in late
    assay = panel_parts(desk.laboratory.answer(few.with_look(tab="assay", assay="serum_il15", day="day 9")))["panel"]
    assert "IL-15, day 9" in assay
    assert assay.count("<option") == len(few.experiment.library.names("assays"))
    alone = few.with_experiment(few.experiment.replace(arms=few.experiment.arms[:1])).with_look(arm="", tab="axis")
    assert "There is one arm" in panel_parts(desk.laboratory.answer(alone))["panel"]


def test_the_panel_of_a_plan_draws_its_power_with_every_plausible_set(desk, monkeypatch):
    from gvlab.web import panels, plan_panel

    for name, small in {"PLAN_SUBJECTS": 64, "PLAN_SETS": 2, "PLAN_REPLICATES": 160}.items():
        monkeypatch.setattr(plan_panel, name, small)
    state = desk.start().with_look(tab="plan")
    panel = panels.panel_parts(desk.laboratory.answer(state))["panel"]
    assert "svg" in panel
    assert "each plausible set" in panel
    assert "2 plausible parameter sets, 160 experiments of each size" in panel
    assert "animals per arm give 80 % power" in panel
    changed = state.with_experiment(state.experiment.replace(arms=state.experiment.arms[1:]))
    assert "this one was changed" in panels.panel_parts(desk.laboratory.answer(changed))["panel"]


@pytest.mark.parametrize(
    ("look", "words"),
    [({"day": "9 day"}, "day 9"), ({"day": "day -3"}, "before the experiment"), ({"assay": "elise"}, "assay named")],
)
def test_a_look_that_cannot_be_is_refused(few, library, look, words):
    from gvlab.web.state import BenchState

    plain = few.to_dict()
    with pytest.raises(GVLabError, match=words):
        BenchState.from_dict({**plain, "look": {**plain["look"], **look}}, library)


def test_a_link_and_an_archive_are_run_and_verified(desk, few, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    few = few.with_experiment(few.experiment.replace(arms=few.experiment.arms[2:])).with_look(arm="")
    answer = desk.laboratory.answer(few)
    (tmp_path / "a.gvlab.zip").write_bytes(archive_of(answer))
    runner = CliRunner()
    done = runner.invoke(app, ["run", "a.gvlab.zip", "--verify"])
    assert done.exit_code == 0, done.output
    link = re.search(r"'(#e=.*)'", command_of(few))[1]
    done = runner.invoke(app, ["run", link, "--no-ensemble", "--out", "here"])
    assert done.exit_code == 0, done.output
    from gvlab.experiment import Results

    (folder,) = (tmp_path / "here" / "results").rglob("run.json")
    again = Results.read(folder.parent)
    assert again.summary().arms == answer.results.summary().arms
