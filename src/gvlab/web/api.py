"""The JSON API: all that the pages do. `/api/openapi.json` describes it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from gvlab.experiment.text_records import json_schema
from gvlab.store.differences import differences
from gvlab.views.view import CONTEXT_OF_USE
from gvlab.web import limits
from gvlab.web.answer import numbers_of, views_of
from gvlab.web.code import command_of, python_of
from gvlab.web.edit import edited
from gvlab.web.form import form_of
from gvlab.web.own_data import over_the_prediction
from gvlab.web.pages import claims, parameters
from gvlab.web.patients import check_clinical, clinical_experiments, clinical_views, not_followed, responder_views
from gvlab.web.pictures import picture, picture_specs
from gvlab.web.printed import as_download, file_name, file_of
from gvlab.web.state import BenchState, decoded, link_of

if TYPE_CHECKING:
    from gvlab.library import Library
    from gvlab.web.desk import Desk

TITLE = "GVLab bench"

Name = Annotated[str, Path(max_length=limits.MAX_NAME)]
"""A name in an address."""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StateBody(_Asked):
    """A state of the bench."""

    state: dict[str, Any] = Field(description="An experiment as text under `experiment`, and `look`; see /api/start.")

    def read(self, library: Library) -> BenchState:
        """Return the state; errors as `BenchState.from_dict`."""
        return BenchState.from_dict(self.state, library)


class EditBody(StateBody):
    """A state, and what is done with its controls."""

    fields: dict[str, str] = Field(default_factory=dict, description="What controls hold, by name; see /api/form.")
    action: str = Field(default="", max_length=60, description='A button: "copy:0", "remove:1", "add", "reset".')


class LinkBody(_Asked):
    """A link."""

    link: str = Field(max_length=limits.MAX_LINK, description="From # to its end, or the whole address.")


class NoteBody(_Asked):
    """A note to a run."""

    note: str = Field(max_length=limits.MAX_NOTE)


class DataBody(StateBody):
    """A state, and a file of data."""

    name: str = Field(max_length=limits.MAX_NAME, description="Of the file; its ending says what it is.")
    content: str = Field(max_length=limits.MAX_BODY, description="The text of a CSV file.")


def router(desk: Desk) -> APIRouter:
    """Return the routes of the API."""
    routes = APIRouter(prefix="/api", responses={404: {"description": "unknown name"}, 422: {"description": "refused"}})

    @routes.get("/experiments")
    def experiments() -> dict[str, Any]:
        """Return the experiments of the library: title, question, systems."""
        records = desk.library.read_all("experiments")
        return {
            name: {"title": each.title, "question": each.question, "systems": list(each.systems)}
            for name, each in records.items()
        }

    @routes.get("/start")
    def start(
        experiment: Annotated[str, Query(max_length=limits.MAX_NAME)] = "",
        system: Annotated[str, Query(max_length=limits.MAX_NAME)] = "",
    ) -> dict[str, Any]:
        """Return the state in which the bench opens an experiment: that of the server where none is named."""
        if not experiment:
            return {"state": desk.start().to_dict()}
        return {"state": BenchState.start(desk.library, experiment, system or None).to_dict()}

    @routes.get("/schema")
    def schema() -> dict[str, Any]:
        """Return the JSON schema of an experiment as text."""
        return json_schema()

    @routes.post("/form")
    def form(body: StateBody) -> dict[str, Any]:
        """Return the controls of a state: what each holds, and what a slider can hold."""
        made = form_of(body.read(desk.library), desk.library)
        sliders = {
            slider.name: {"of": line.title, "label": slider.label, "words": list(slider.words), "beyond": slider.beyond}
            for line in made.lines
            for slider in line.sliders
        }
        return {"values": made.values(), "sliders": sliders}

    @routes.post("/edit")
    def edit(body: EditBody) -> dict[str, Any]:
        """Return the state after its controls were set and a button was pressed."""
        done = edited(body.read(desk.library), desk.library, body.fields, body.action)
        return {"state": done.state.to_dict(), "notes": list(done.notes)}

    @routes.post("/run")
    def run(body: StateBody) -> dict[str, Any]:
        """Return what comes of a state: numbers by arm, tables, and each picture in a sentence."""
        state = body.read(desk.library)
        answer = desk.laboratory.answer(state)
        summary = answer.results.summary()
        numbers = numbers_of(summary)
        return {
            "simulated": True,
            "seed": state.seed,
            "subjects": state.subjects,
            "model": state.experiment.model.sha256,
            "arms": numbers,
            "tables": {"arms": _table(*summary.arm_table()), "comparisons": _table(*summary.comparison_table())},
            "said": {name: view.summary for name, view in views_of(answer).items()},
            "pictures": {name: spec.title for name, spec in picture_specs(state.experiment).items()},
            "notes": list(answer.notes),
            "link": "#" + link_of(state, numbers),
        }

    @routes.post("/picture/{name}.{kind}", response_class=Response)
    def picture_file(name: Name, kind: Annotated[str, Path(max_length=8)], body: StateBody) -> Response:
        """Return a picture of a state as svg, pdf, png, csv or xlsx."""
        media, content = file_of(picture(desk.laboratory.answer(body.read(desk.library)).results, name), kind)
        return Response(content, media_type=media, headers=as_download(f"{file_name('gvlab', name)}.{file_name(kind)}"))

    @routes.post("/link")
    def link(body: StateBody) -> dict[str, str]:
        """Return the link to a state."""
        return {"link": "#" + link_of(body.read(desk.library))}

    @routes.post("/open")
    def open_link(body: LinkBody) -> dict[str, Any]:
        """Return the state that a link leads to, and what differs from when it was made."""
        state = BenchState.from_dict(decoded(body.link), desk.library)
        return {"state": state.to_dict(), "said": dict(state.said), "differs": list(state.differs)}

    @routes.post("/code")
    def code(body: StateBody) -> dict[str, str]:
        """Return the experiment as Python and as a command."""
        state = body.read(desk.library)
        return {"python": python_of(state), "command": command_of(state)}

    @routes.post("/data")
    def data(body: DataBody) -> dict[str, Any]:
        """Return how well a file of data agrees with what a state predicts, in sentences."""
        answer = desk.laboratory.answer(body.read(desk.library))
        return {"said": list(over_the_prediction(answer, body.name, body.content.encode()).lines)}

    @routes.get("/model")
    def model() -> dict[str, Any]:
        """Return parameters and claims: evidence, source, verification, and the verdict where the paper was run."""
        return {
            "parameters": [dataclasses.asdict(each) for each in parameters(desk.library)],
            "claims": [dataclasses.asdict(each) for each in claims(desk)],
        }

    @routes.get("/patients")
    def patients(experiment: Annotated[str, Query(max_length=limits.MAX_NAME)] = "") -> dict[str, Any]:
        """Return survival, competing risks and responders of a clinical experiment, in sentences and tables."""
        name = check_clinical(desk.library, experiment)
        results = desk.laboratory.answer(BenchState.start(desk.library, name)).results
        views = [*clinical_views(results), *(view for _, view in responder_views(results))]
        return {
            "simulated": True,
            "context": CONTEXT_OF_USE,
            "experiment": name,
            "experiments": clinical_experiments(desk.library),
            "notes": [*not_followed(results), *results.experiment.left_out],
            "pictures": [
                {
                    "title": view.title,
                    "said": view.summary,
                    "columns": [column.words for column in view.table.columns],
                    "rows": [list(row) for row in view.table.rows],
                }
                for view in views
            ],
        }

    @routes.get("/paper")
    def paper() -> dict[str, Any]:
        """Return whether the paper was run, and what is said of each claim."""
        result = desk.paper.result() if desk.paper is not None else None
        if result is None:
            return {"run": False, "findings": {}, "figures": []}
        return {"run": True, "findings": dict(result.findings), "figures": list(result.figures)}

    @routes.get("/runs")
    def runs() -> dict[str, Any]:
        """Return the runs that are kept, the newest first."""
        return {"runs": [dataclasses.asdict(each) for each in desk.store.runs()]}

    @routes.post("/runs")
    def keep(body: StateBody) -> dict[str, str]:
        """Run a state and keep it; return its id."""
        answer = desk.laboratory.answer(body.read(desk.library))
        plain, said = answer.state.to_dict(), numbers_of(answer.results.summary())
        return {"id": desk.store.keep(answer.results, plain, said).id}

    @routes.put("/runs/{run}/note")
    def note(run: Name, body: NoteBody) -> dict[str, str]:
        """Write a note to a run."""
        return {"note": desk.store.note(run, body.note).note}

    @routes.delete("/runs/{run}")
    def remove(run: Name) -> dict[str, str]:
        """Take a run off the list; /api/runs/undo brings it back."""
        desk.store.remove(run)
        return {"removed": run}

    @routes.post("/runs/undo")
    def undo() -> dict[str, str]:
        """Undo the last note or removal."""
        return {"undone": desk.store.undo()}

    @routes.get("/runs/{run}/compare/{other}")
    def compare(run: Name, other: Name) -> dict[str, Any]:
        """Return the settings that differ between two runs."""
        one, two = (dict(desk.store.get(name).state["experiment"]) for name in (run, other))
        return {"differ": [list(row) for row in differences(one, two)]}

    return routes


def _table(header: Any, rows: Any) -> dict[str, Any]:
    return {"columns": list(header), "rows": [list(row) for row in rows]}
