"""The JSON API: what it gives, and that nothing makes it fail."""

import json
import warnings
import zipfile
from dataclasses import replace
from io import BytesIO

import openpyxl
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from gvlab.engine.request import cores
from gvlab.errors import SolveError
from gvlab.simulation.cancel import CancelToken
from gvlab.views import svg, table_csv
from gvlab.web.pictures import picture, picture_specs
from gvlab.web.state import BenchState, link_of


@pytest.fixture
def few(client):
    """The state of the bench with few subjects."""
    state = client.get("/api/start").json()["state"]
    state["experiment"]["subjects"] = 8
    return state


def test_everything_the_bench_does_can_be_asked(client, few):
    form = client.post("/api/form", json={"state": few}).json()
    name = next(key for key, each in form["sliders"].items() if each["of"] == "Sorafenib" and each["label"] == "Dose")
    edit = client.post("/api/edit", json={"state": few, "fields": {name: "20 mg/kg"}, "action": "copy:0"}).json()
    assert [arm["name"] for arm in edit["state"]["experiment"]["arms"]][1] == "BM (copy)"
    run = client.post("/api/run", json={"state": edit["state"]}).json()
    assert run["simulated"] is True
    assert {arm: said["n"] for arm, said in run["arms"].items()}["BM"] == 8
    opened = client.post("/api/open", json={"link": run["link"]}).json()
    assert opened["state"] == edit["state"]
    assert opened["said"] == run["arms"]
    assert opened["differs"] == []
    code = client.post("/api/code", json={"state": few}).json()
    assert "experiment.run(seed=2018, subjects=8)" in code["python"]


@pytest.mark.parametrize("kind", ["svg", "csv", "xlsx", "pdf", "png"])
def test_a_picture_is_a_file_that_says_it_is_simulated(client, few, kind):
    reply = client.post(f"/api/picture/survival.{kind}", json={"state": few})
    assert reply.status_code == 200
    assert f'filename="gvlab-survival.{kind}"' in reply.headers["content-disposition"]
    if kind in ("pdf", "png"):
        assert reply.content[:4] in (b"%PDF", b"\x89PNG")
        return
    text = reply.text if kind != "xlsx" else workbook_text(reply.content)
    assert "imulated" in text
    assert "treatment decisions" in text


def workbook_text(content):
    sheet = openpyxl.load_workbook(BytesIO(content)).active
    return "\n".join(str(cell.value) for row in sheet.iter_rows() for cell in row)


def test_no_cell_of_a_table_is_run_by_a_spreadsheet(client, few):
    few["experiment"]["arms"][0]["name"] = '=HYPERLINK("http://evil.example")'
    few["look"] = {}
    book = client.post("/api/picture/survival.xlsx", json={"state": few})
    cells = [cell for row in openpyxl.load_workbook(BytesIO(book.content)).active.iter_rows() for cell in row]
    assert any("HYPERLINK" in str(cell.value) for cell in cells)
    assert all(cell.data_type != "f" for cell in cells)
    text = client.post("/api/picture/survival.csv", json={"state": few}).text
    assert not [line for line in text.splitlines() if line.startswith(("=", '"='))]


def test_every_picture_of_every_experiment_is_drawn(desk, library):
    for name in library.names("experiments"):
        state = BenchState.start(library, name)
        answer = desk.laboratory.answer(replace(state, file=replace(state.file, subjects=3)))
        for each in picture_specs(state.experiment):
            view = picture(answer.results, each)
            assert "<text" in svg(view)
            assert "imulated" in table_csv(view)


def test_the_archive_of_a_run_is_the_same_bytes_each_time(client, library, few):
    link = link_of(BenchState.from_dict(few, library))
    one, other = (client.get(f"/page/archive?{link}").content for _ in range(2))
    assert one == other
    names = zipfile.ZipFile(BytesIO(one)).namelist()
    assert {"experiment.yaml", "CITATION.cff", "data_dictionary.csv", "results/trajectories.parquet"} <= set(names)
    assert any(name.startswith("figures/") for name in names)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"state": {}},
        {"state": {"experiment": {}}},
        {"state": []},
        {"state": {"experiment": {"title": 1}}},
        {"x": 1},
    ],
)
def test_what_is_no_state_is_refused_in_words(client, body):
    reply = client.post("/api/run", json=body)
    assert reply.status_code in (404, 422)
    assert reply.json()


def test_what_is_asked_of_the_socket_is_checked(desk):
    good = {"n": 3, "state": desk.start().to_dict(), "fields": {}}
    for text in (
        "",
        "[",
        "[]",
        "{}",
        "[" * 100_000,
        '{"n": "1"}',
        '{"n": true}',
        json.dumps({"n": 1, "state": None}),
        json.dumps({**good, "moon": 1}),
        json.dumps({**good, "fields": []}),
        json.dumps({**good, "fields": {"seed": 1}}),
        json.dumps({**good, "fields": {"seed": "x"}, "changed": "seed"}),
        json.dumps({**good, "action": 1}),
        json.dumps({**good, "link": "moon"}),
        json.dumps({**good, "state": {"experiment": {"arms": "x" * 5000}}}),
    ):
        said = []
        desk.respond(text, CancelToken(), said.append)
        assert said[-1]["stage"] == "error"
        assert said[-1]["parts"]["error"]
    assert said[-1]["n"] == 3


def test_a_fault_of_ours_is_said_on_the_page_and_written_down(desk, monkeypatch, caplog):
    def fail(*_, **__):
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(desk.laboratory, "answer", fail)
    said = []
    desk.respond(json.dumps({"n": 4, "state": desk.start().to_dict(), "fields": {}}), CancelToken(), said.append)
    assert (said[-1]["n"], said[-1]["stage"]) == (4, "error")
    assert "fault in GVLab" in said[-1]["parts"]["error"]
    assert "ZeroDivisionError" in said[-1]["parts"]["error"]
    assert "of all things" in caplog.text


def test_a_message_is_answered_with_few_first_and_whole_in_one_last_part(desk):
    said = []
    message = {"n": 5, "state": desk.start().to_dict(), "fields": {"seed": "90210"}, "action": "keep"}
    desk.respond(json.dumps(message), CancelToken(), said.append)
    # What an edit changes of the controls comes with the first answer: the page is painted once.
    assert [part["stage"] for part in said] == ["refining", "done"]
    assert said[0]["state"]["experiment"]["seed"] == 90210
    assert "strip" in said[0]["parts"]
    assert "strip" not in said[1]["parts"]
    assert said[-1]["parts"]["kept"].startswith("Kept.")


def test_other_controls_come_at_once(desk):
    said = []
    desk.respond(json.dumps({"n": 6, "state": desk.start().to_dict(), "action": "copy:0"}), CancelToken(), said.append)
    assert [part["stage"] for part in said] == ["edited", "refining", "done"]
    assert "controls" in said[0]["parts"]


def test_where_more_wait_than_there_are_cores_only_the_whole_answer_is_made(desk):
    said = []
    desk.waiting = cores() + 1
    desk.respond(
        json.dumps({"n": 7, "state": desk.start().to_dict(), "fields": {"seed": "90211"}}), CancelToken(), said.append
    )
    desk.waiting = 0
    assert [part["stage"] for part in said] == ["done"]
    assert {"state", "link"} <= said[0].keys()
    assert "strip" in said[0]["parts"]


def test_what_an_edit_changed_is_said_before_an_error_of_the_run(desk, monkeypatch):
    def fail(*_, **__):
        raise SolveError("nobody could be followed")

    monkeypatch.setattr(desk.laboratory, "answer", fail)
    said = []
    desk.respond(
        json.dumps({"n": 8, "state": desk.start().to_dict(), "fields": {"seed": "4"}}), CancelToken(), said.append
    )
    assert [part["stage"] for part in said] == ["edited", "error"]
    assert said[0]["state"]["experiment"]["seed"] == 4


def test_no_request_that_the_description_allows_makes_the_api_fail(app):
    """Schemathesis draws requests from the OpenAPI description; a reply of 500 is a fault of ours."""
    headers = {"authorization": "Bearer a-token-of-the-tests", "host": "127.0.0.1:8118"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schema = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=headers)
        seen = 0
        for operation in schema.get_all_operations():
            checked = operation.ok()

            @given(case=checked.as_strategy())
            @settings(
                max_examples=6, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            def ask(case):
                reply = case.call(headers=headers)
                assert reply.status_code < 500, (case.as_curl_command(), reply.text)

            ask()
            seen += 1
    assert seen >= 10
