"""Every picture of a prediction can be downloaded, in every panel and on the page Patients."""

import json
import re

import pytest

from gvlab.web import plan_panel
from gvlab.web.answer import numbers_of
from gvlab.web.panels import panel_parts
from gvlab.web.shown_data import MOST
from gvlab.web.state import link_of

KINDS = ("svg", "pdf", "png", "csv", "xlsx")


@pytest.fixture
def few(desk):
    state = desk.start().to_dict()
    state["experiment"]["subjects"] = 8
    return type(desk.start()).from_dict(state, desk.library)


@pytest.mark.parametrize(
    ("tab", "look", "words"),
    [
        ("why", {}, " → "),
        ("axis", {"day": "day 9"}, "raises"),
        ("assay", {"assay": "serum_il15", "day": "day 9"}, "IL-15"),
        ("plan", {}, "ower"),
    ],
)
def test_each_picture_of_a_panel_is_a_file(desk, client, few, monkeypatch, tab, look, words):
    for name, number in {"PLAN_SUBJECTS": 64, "PLAN_SETS": 0, "PLAN_REPLICATES": 160}.items():
        monkeypatch.setattr(plan_panel, name, number)
    state = few.with_look(tab=tab, **look)
    panel = panel_parts(desk.laboratory.answer(state))["panel"]
    asked = re.findall(r'data-link="(/page/panel/\d+\.\w+)"', panel)
    assert [address.rpartition(".")[2] for address in asked] == list(KINDS)
    kept = client.get(f"{asked[KINDS.index('csv')]}?{link_of(state)}")
    assert kept.status_code == 200, kept.text
    assert "Simulated by GVLab" in kept.text
    assert words in kept.text
    by_api = client.post("/api/panel/0.csv", json={"state": state.to_dict()})
    assert by_api.content == kept.content
    assert f'filename="gvlab-{few.experiment.name.replace("_", "-")}-{tab}' in kept.headers["content-disposition"]


def test_a_picture_that_is_not_there_is_refused_with_those_that_are(client, few):
    for address in ("/page/panel/7.svg", "/page/panel/x.svg", "/page/panel/-1.svg"):
        reply = client.get(f"{address}?{link_of(few.with_look(tab='axis'))}")
        assert reply.status_code == 404
        assert "Known: 0" in reply.json()["error"]
    assert client.get(f"/page/panel/0.svg?{link_of(few)}").status_code == 404
    assert client.get(f"/page/panel/0.exe?{link_of(few.with_look(tab='axis'))}").status_code == 404


def test_each_picture_of_patients_is_a_file(client):
    page = client.get("/patients").text
    asked = re.findall(r'href="(/page/patients/\d+\.csv\?experiment=[\w%]+)"', page)
    assert len(asked) == page.count('<figure class="picture card">') > 4
    titles = {client.get(address).text.splitlines()[1] for address in (asked[0], asked[-1])}
    assert "# Overall survival" in titles
    assert len(titles) == 2
    assert client.get(asked[0].replace("/0.", "/99.")).status_code == 404


def test_each_picture_of_own_data_is_a_file_for_a_while(desk, client, few):
    arm = few.experiment.arms[0].name
    table = f"arm,subject,time,event\n{arm},1,20,1\n{arm},2,25,1\n{arm},3,100,0\n".encode()
    head = json.dumps([{"name": "own.csv", "size": len(table)}]).encode()
    reply = client.post(f"/page/data?{link_of(few)}", content=head + b"\n" + table)
    assert reply.status_code == 200, reply.text
    asked = re.findall(r'href="(/page/data/0\.\w+\?held=[\w-]+)"', reply.json()["parts"]["data-answer"])
    assert len(asked) == len(KINDS)
    for address in asked:
        assert client.get(address).status_code == 200
    assert "Simulated by GVLab" in client.get(asked[KINDS.index("csv")]).text
    for _ in range(MOST):
        desk.own.hold(())
    gone = client.get(asked[0])
    assert gone.status_code == 422
    assert "Choose the file again" in gone.json()["error"]


def test_the_pictures_of_runs_side_by_side_are_files(desk, client, few):
    results = desk.laboratory.answer(few).results
    kept = desk.store.keep(results, few.to_dict(), numbers_of(results.summary()))
    page = client.get(f"/runs/compare?one={kept.id}&other={kept.id}").text
    asked = re.findall(r'href="(/page/run\.csv\?run=\w+)"', page)
    assert len(asked) == 2
    assert "Simulated by GVLab" in client.get(asked[0]).text
    assert client.get("/page/run.csv?run=none").status_code == 404
