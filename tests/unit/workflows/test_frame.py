"""The frame of workflows: requests that are checked, progress that is told, bundles that are written whole or not."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from pydantic import Field, ValidationError

from gvlab.errors import CancelledError, GVLabError, InvalidValueError, OutputError, UnknownNameError
from gvlab.simulation import CancelToken
from gvlab.workflows.bundle import Bundle, Table
from gvlab.workflows.progress import Progress, Stage
from gvlab.workflows.request import Request


class Asked(Request):
    """A request."""

    experiment: str
    """What is asked."""
    subjects: int = Field(default=200, ge=64)
    power: float = 0.8


@pytest.mark.parametrize("make", [Asked.model_validate, lambda fields: Asked(**fields)])
@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        (
            {"experiment": "a", "subjcts": 3},
            UnknownNameError,
            'named "subjcts". Did you mean "subjects"?',
        ),
        ({"experiment": "a", "subjects": 3}, InvalidValueError, '"subjects" is 3: input should be greater'),
        (
            {"experiment": "a", "power": float("nan")},
            InvalidValueError,
            '"power" is nan: input should be a finite',
        ),
        ({}, InvalidValueError, 'The key of Asked "experiment" is missing.'),
    ],
)
def test_what_cannot_be_asked_is_refused_with_value_rule_and_way_out(make, fields, error, words):
    with pytest.raises(error) as caught:
        make(fields)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"experiment": "a", "subjects": "many"}', '{"experiment": "a", "x": 1}'])
def test_a_text_that_is_no_request_is_refused_as_everything_else(text):
    with pytest.raises(GVLabError):
        Asked.model_validate_json(text)


def test_a_request_is_the_same_as_text_and_cannot_be_changed():
    asked = Asked(experiment="a", power=0.9)
    again = Asked.model_validate_json(asked.model_dump_json())
    assert again == asked
    assert again.sha256 == asked.sha256 == Asked(power=0.9, experiment="a").sha256
    assert asked.replace(power=0.8).sha256 != asked.sha256
    with pytest.raises(ValidationError, match="frozen"):
        asked.power = 0.5
    with pytest.raises(InvalidValueError, match="subjects"):
        asked.replace(subjects=1)


def test_every_field_is_described_in_the_schema():
    assert Asked.model_json_schema()["properties"]["experiment"]["description"] == "What is asked."
    assert Asked.model_json_schema()["additionalProperties"] is False


def test_a_stage_tells_where_it_stands_and_stops_when_told():
    token, seen = CancelToken(), []
    stage = Stage("Simulating", 10, "subjects", sink=seen.append, cancel=token)
    stage.advance(4)
    assert seen == [Progress("Simulating", 0, 10, "subjects"), Progress("Simulating", 4, 10, "subjects")]
    assert seen[-1].share == 0.4
    token.cancel()
    with pytest.raises(CancelledError, match="Stopped while simulating"):
        stage.advance(1)
    assert len(seen) == 2


def bundle(**parts) -> Bundle[None]:
    return Bundle(Asked(experiment="a"), None, **parts)


def test_a_bundle_writes_each_part_where_it_says(tmp_path):
    from matplotlib.figure import Figure

    table = Table(pd.DataFrame({"n": [1], "arm": ["=evil"]}), ("PLAN",))
    whole = bundle(
        tables={"power.csv": table, "key/key.tsv": table},
        figures={"power": Figure()},
        documents={"a.txt": "text", "b.bin": b"\x00", "c.txt": lambda path: path.write_text("written")},
        data={"plan.json": {"n": 3}},
    )
    folder = whole.write(tmp_path / "plan")
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == set(whole.paths())
    assert (folder / "power.csv").read_text() == "# PLAN\nn,arm\n1,'=evil\n"
    assert (folder / "c.txt").read_text() == "written"
    assert json.loads((folder / "plan.json").read_text()) == {"n": 3}


def test_a_folder_that_is_used_is_refused_and_untouched(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty, and nothing in it is overwritten"):
        bundle(data={"plan.json": {}}).write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_part_that_fails_leaves_no_half_file(tmp_path):
    def fails(path):
        path.write_text("half")
        raise InvalidValueError("no")

    with pytest.raises(InvalidValueError):
        bundle(documents={"a.txt": fails}).write(tmp_path / "x")
    assert list((tmp_path / "x").iterdir()) == []


@pytest.mark.parametrize("path", ["../evil.csv", "/evil.csv", "a/../../b.csv", ""])
def test_a_path_that_leads_out_of_the_folder_is_refused(path):
    with pytest.raises(InvalidValueError, match="not a path within a folder"):
        bundle(data={path: 1})


def test_two_parts_of_one_path_are_refused():
    with pytest.raises(InvalidValueError, match='Two parts of a bundle are to be written as "a'):
        bundle(documents={"a.csv": "x"}, tables={"a.csv": Table(pd.DataFrame())})
