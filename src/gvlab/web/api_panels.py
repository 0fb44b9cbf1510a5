"""The JSON API of the panels: why, the axis, assays, how many animals, registered plans."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import Field

from gvlab.views import View, axis_flux_view
from gvlab.views.view import CONTEXT_OF_USE
from gvlab.web import limits
from gvlab.web.api import StateBody
from gvlab.web.downloads import at_place
from gvlab.web.panels import assay_of, axis_of, panel_views, why_of
from gvlab.web.plan_panel import judged_plan, plan_of, registration_of
from gvlab.web.printed import as_download, file_name, file_of

if TYPE_CHECKING:
    from gvlab.web.desk import Desk


Short = Annotated[str, Path(max_length=8)]
"""A part of an address."""


class JudgeBody(StateBody):
    """A registered plan, and a file of what came of it."""

    state: dict[str, Any] = Field(default_factory=dict, description="Not needed: the plan says what was predicted.")
    plan: dict[str, Any] = Field(description="The registered plan, as /api/register or `gvlab design` wrote it.")
    name: str = Field(max_length=limits.MAX_NAME, description="Of the file; its ending says what it is.")
    content: str = Field(max_length=limits.MAX_BODY, description="The text of a CSV file.")


def router(desk: Desk) -> APIRouter:
    """Return the routes of the panels."""
    routes = APIRouter(prefix="/api", responses={404: {"description": "unknown name"}, 422: {"description": "refused"}})

    @routes.post("/why")
    def why(body: StateBody) -> dict[str, Any]:
        """Return which edges carry the difference between the arm that is looked at and the one it is compared with."""
        found = why_of(desk.laboratory.answer(body.read(desk.library)))
        return {
            "simulated": True,
            "said": list(found.sentences()),
            "edges": [
                {"edge": each.edge.edge, "in_words": each.in_words, "share": _number(each.share)}
                for each in found.shares
            ],
        }

    @routes.post("/axis")
    def axis(body: StateBody) -> dict[str, Any]:
        """Return how strongly each edge acts on the day that is looked at, and how that differs between two arms."""
        return {"simulated": True, **_of(axis_flux_view(axis_of(desk.laboratory.answer(body.read(desk.library)))))}

    @routes.post("/assay")
    def assay(body: StateBody) -> dict[str, Any]:
        """Return what the assay that is looked at would read on that day."""
        views = assay_of(desk.laboratory.answer(body.read(desk.library)))
        return {"simulated": True, "pictures": [_of(view) for view in views]}

    @routes.post("/panel/{place}.{kind}", response_class=Response)
    def panel_file(place: Short, kind: Short, body: StateBody) -> Response:
        """Return a picture of the panel that is looked at (`look.tab`) as svg, pdf, png, csv or xlsx."""
        view = at_place(panel_views(desk.laboratory.answer(body.read(desk.library))), place)
        media, content = file_of(view, kind)
        name = f"{file_name('gvlab', view.title)}.{file_name(kind)}"
        return Response(content, media_type=media, headers=as_download(name))

    @routes.post("/plan")
    def plan(body: StateBody) -> dict[str, Any]:
        """Return how many animals an experiment needs, and its power with fewer and more of them."""
        from gvlab.workflows.plan_files import power_of

        bundle = plan_of(body.read(desk.library))
        return {
            "simulated": True,
            "context": CONTEXT_OF_USE,
            "per_arm": bundle.found.chosen,
            "summary": bundle.summary,
            "said": [*bundle.heading, *bundle.lines],
            "power": _of(power_of(bundle.found)),
        }

    @routes.post("/register")
    def register(body: StateBody) -> dict[str, Any]:
        """Write a plan down, with what it predicts: deposit it with its hash before the animals. Nothing is kept."""
        found = registration_of(plan_of(body.read(desk.library)))
        return {"plan": json.loads(found.to_json()), "sha256": found.sha256, "said": found.in_words()}

    @routes.post("/judge")
    def judge(body: JudgeBody) -> dict[str, Any]:
        """Return which predictions of a registered plan held; one that was changed since is refused."""
        bundle = judged_plan(json.dumps(body.plan).encode(), body.name, body.content.encode(), desk.library)
        return {
            "summary": bundle.summary,
            "said": [*bundle.heading, *bundle.lines],
            "predictions": [
                {"predicted": each.predicted, "observed": _number(each.observed), "verdict": each.verdict,
                 "why": each.why} for each in bundle.found.judged
            ],
        }  # fmt: skip

    return routes


def _number(value: float) -> float | None:
    return float(value) if -1e308 < value < 1e308 else None


def _of(view: View) -> dict[str, Any]:
    return {
        "title": view.title,
        "said": view.summary,
        "columns": [column.words for column in view.table.columns],
        "rows": [list(row) for row in view.table.rows],
    }
