"""The page Patients: what it shows follows from records, and says what it is for."""

import pytest

from gvlab.errors import UnknownNameError
from gvlab.views.view import CONTEXT_OF_USE
from gvlab.web.laboratory import Laboratory
from gvlab.web.patients import check_clinical, clinical_experiments, clinical_views, group_readings, responder_views
from gvlab.web.state import BenchState


@pytest.fixture(scope="module")
def results(library):
    return Laboratory(library).answer(BenchState.start(library, check_clinical(library, ""))).results


def test_clinical_experiments_are_those_in_people(library):
    known = clinical_experiments(library)
    assert known
    for name in known:
        system = library.read("systems", library.read("experiments", name).systems[0])
        assert "species:human" in library.read("hosts", system.host).contexts
    with pytest.raises(UnknownNameError, match="clinical experiment"):
        check_clinical(library, "mathew2018_survival")


def test_every_arm_has_its_competing_risks_and_they_add_up(results):
    survival, *risks = clinical_views(results)
    assert survival.under[0].words
    assert [view.title for view in risks] == list(results.arms)
    for view in risks:
        assert sum(row[1] for row in view.table.rows) == pytest.approx(100)


def test_responders_are_those_of_the_findings_and_everybody_read_is_in_one_group(results):
    asked = group_readings(results.experiment.library, results.experiment.name)
    shown = list(responder_views(results))
    assert {(each.arm, each.output) for each in asked} >= {(each.arm, each.output) for each, _ in shown}
    assert shown
    for reading, view in shown:
        assert len(view.table.rows) == 2 * len(reading.days)
        counted = {row[0]: row[1] for row in view.table.rows}
        assert all(isinstance(count, int) for count in counted.values())
        first = sum(count for name, count in counted.items() if name.endswith(reading.days[0]))
        assert first == sum(results.events(reading.group.endpoint).of(reading.arm)["duration"] >= 0)


def test_the_page_begins_with_what_it_is_for(client):
    text = client.get("/patients").text
    assert text.index(CONTEXT_OF_USE) < text.index("<svg")
    assert "Number at risk" in text
    assert "are not counted" in text
    assert client.get("/patients?experiment=nothing").status_code == 404


def test_who_follows_a_wrong_link_reads_a_page_and_a_program_reads_json(client):
    reply = client.get("/patients?experiment=<b>", headers={"accept": "text/html"})
    assert reply.status_code == 404
    assert "Back to the bench" in reply.text
    assert "&lt;b&gt;" in reply.text
    assert "<b>" not in reply.text
    assert "error" in client.get("/patients?experiment=nothing").json()


def test_the_api_says_what_the_page_shows(client):
    said = client.get("/api/patients").json()
    text = client.get("/patients").text
    assert said["context"] == CONTEXT_OF_USE
    assert all(each["title"] in text for each in said["pictures"])
    assert len(said["pictures"]) == text.count('<figure class="picture card">')
