"""A plan is registered where it is shown, and held to its outcome, by the page and by the API."""

import base64
import dataclasses
import json
import re

import pytest

from gvlab.errors import InvalidValueError
from gvlab.web import plan_panel
from gvlab.web.own_data import answer_to_files
from gvlab.web.own_file import sent_files
from gvlab.web.panels import panel_parts
from gvlab.web.state import link_of

ARMS = "BM + T cells", "BM + T cells + sorafenib"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, number in {"PLAN_SUBJECTS": 128, "PLAN_SETS": 2, "PLAN_REPLICATES": 160}.items():
        monkeypatch.setattr(plan_panel, name, number)


@pytest.fixture
def shown(desk):
    return desk.laboratory.answer(desk.start().with_look(tab="plan"))


def outcome(plan):
    """Return a file in which the control dies on day 20 and the other arm lives, as many as were registered."""
    rows = [
        f"{arm[-3:]}{n},{arm},{20 if arm == ARMS[0] else 100},{int(arm == ARMS[0])}\n"
        for arm in ARMS
        for n in range(plan["animals"][arm])
    ]
    return "mouse,group,time [days],event (1 = died)\n" + "".join(rows)


def test_the_plan_that_is_shown_is_registered_and_its_outcome_judged(shown):
    assert "Registered" not in panel_parts(shown)["panel"]
    panel = panel_parts(shown, action="register")["panel"]
    file = base64.b64decode(re.search(r"base64,([\w+/=]+)", panel)[1])
    plan = json.loads(file)
    assert plan["sha256"] in panel
    assert plan["sets"] == 2
    assert panel.count("Predicted: ") == len(plan["predictions"]) + len(plan["tests"]) == 6
    data = outcome(plan).encode()
    said = answer_to_files(shown, [("a plan.json", file), ("mine.csv", data)])
    assert said.name == "mine.csv, held to a plan.json"
    assert "of 6 registered predictions held" in said.summary
    assert sum(line.startswith(("Held", "Did not hold")) for line in said.lines) == 6
    # In whatever order they are chosen.
    assert answer_to_files(shown, [("mine.csv", data), ("a plan.json", file)]) == said


def test_the_api_registers_and_judges_as_the_page_does(client, shown):
    state = shown.state.to_dict()
    found = client.post("/api/plan", json={"state": state}).json()
    made = client.post("/api/register", json={"state": state}).json()
    plan = made["plan"]
    assert made["sha256"] == plan["sha256"]
    assert max(plan["animals"].values()) == found["per_arm"]
    asked = {"plan": plan, "name": "mine.csv", "content": outcome(plan)}
    judged = client.post("/api/judge", json=asked)
    assert judged.status_code == 200, judged.text
    assert len(judged.json()["predictions"]) == 6
    assert {each["verdict"] for each in judged.json()["predictions"]} <= {"held", "did not hold"}
    changed = client.post("/api/judge", json={**asked, "plan": {**plan, "alpha": 0.5}})
    assert changed.status_code == 422
    assert '"the registered plan.json" was changed after it was registered' in changed.json()["error"]
    lacking = client.post("/api/judge", json={**asked, "content": outcome(plan).replace(ARMS[0] + ",", "control,")})
    assert lacking.status_code == 422
    assert '"mine.csv" lacks BM + T cells, which the registered plan compares' in lacking.json()["error"]
    assert "call the arm so in the file" in lacking.json()["error"]


def test_what_cannot_be_registered_or_judged_says_why(desk, shown):
    with pytest.raises(InvalidValueError, match=r'open "How many mice\?" first'):
        panel_parts(desk.laboratory.answer(desk.start()), action="register")
    with pytest.raises(InvalidValueError, match=r'"x.json" alone says nothing .* both at once'):
        answer_to_files(shown, [("x.json", b"{}")])
    with pytest.raises(InvalidValueError, match="Two tables were chosen"):
        answer_to_files(shown, [("a.csv", b"x"), ("b.csv", b"y")])
    with pytest.raises(InvalidValueError, match=r'"the registered plan.json" is no registered plan: its key "format"'):
        answer_to_files(shown, [("x.json", b"{}"), ("b.csv", b"y")])
    with pytest.raises(InvalidValueError, match=r'"run.fcs" is no table'):
        answer_to_files(shown, [("run.fcs", b"")])


def test_a_plan_for_which_no_number_is_enough_is_not_registered(shown, monkeypatch):
    def plan(state, cancel):
        bundle = plan_of(state, cancel)
        return dataclasses.replace(bundle, found=dataclasses.replace(bundle.found, chosen=None))

    plan_of = plan_panel.plan_of
    monkeypatch.setattr(plan_panel, "plan_of", plan)
    panel = panel_parts(shown, action="register")["panel"]
    assert "there is no plan to register. Choose other arms" in panel
    assert "base64" not in panel


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]\n", b"3\nabc", b'[{"name":"a.csv","size":4}]\nabc', b"[[]]\n", b"x\ny"]
)
def test_a_body_that_is_no_list_of_files_is_refused(body):
    with pytest.raises(InvalidValueError, match="no list of files"):
        sent_files(body)


def test_files_are_sent_as_a_line_that_names_them_and_what_they_hold(client, desk):
    head = [{"name": "a.csv", "size": 4}, {"name": "b.json", "size": 3}]
    assert sent_files(json.dumps(head).encode() + b"\na,b\n{\n}") == [("a.csv", b"a,b\n"), ("b.json", b"{\n}")]
    with pytest.raises(InvalidValueError, match="3 files were chosen"):
        sent_files(json.dumps([{"name": "a", "size": 0}] * 3).encode() + b"\n")
    reply = client.post(f"/page/data?{link_of(desk.start())}", content=b"nonsense")
    assert reply.status_code == 422
    assert "Choose the file anew" in reply.json()["parts"]["data-answer"]


def test_the_api_says_why_what_acts_and_what_an_assay_reads(client, shown):
    state = shown.state.to_dict()
    state["experiment"]["subjects"] = 8
    why = client.post("/api/why", json={"state": state}).json()
    assert why["said"]
    assert {"edge", "in_words", "share"} == set(why["edges"][0])
    axis = client.post("/api/axis", json={"state": state}).json()
    assert len(axis["rows"]) > 5
    state["look"] = {**state["look"], "assay": "serum_il15", "day": "day 9"}
    (read,) = client.post("/api/assay", json={"state": state}).json()["pictures"]
    assert "IL-15" in read["title"]
    alone = {**state, "experiment": {**state["experiment"], "arms": state["experiment"]["arms"][:1]}, "look": {}}
    for path in ("why", "axis"):
        reply = client.post(f"/api/{path}", json={"state": alone})
        assert (reply.status_code, "There is one arm" in reply.json()["error"]) == (422, True)
