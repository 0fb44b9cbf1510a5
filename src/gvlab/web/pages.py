"""The other pages: the model, the paper, patients, the runs that were kept."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.library import Library
from gvlab.provenance import Evidence
from gvlab.report.html import number
from gvlab.store.differences import differences
from gvlab.store.run_store import KeptRun
from gvlab.views import View, svg, table_html, wiring_view
from gvlab.views.view import CONTEXT_OF_USE
from gvlab.web import limits
from gvlab.web.patients import check_clinical, clinical_experiments, clinical_views, not_followed, responder_views
from gvlab.web.pictures import picture, picture_specs
from gvlab.web.state import BenchState, link_of
from gvlab.web.templates import render

if TYPE_CHECKING:
    from gvlab.web.desk import Desk

GLYPHS = {"reproduced": "●", "partly": "◐", "not": "○", "cannot say": "–"}
"""A glyph for each verdict, beside its word."""


@dataclass(frozen=True)
class ClaimLine:
    """A claim on a page: what was published, on what evidence, and what the model says of it."""

    id: str
    statement: str
    source: str
    role: str
    evidence: str
    verdict: str
    glyph: str
    simulated: str
    reason: str


@dataclass(frozen=True)
class ParameterLine:
    """A parameter on a page: its value, what it rests on, and whether that was checked."""

    name: str
    title: str
    value: str
    unit: str
    context: str
    evidence: str
    source: str
    verification: str
    note: str


def claims(desk: Desk) -> list[ClaimLine]:
    """Return every claim of the library, with what the model says of it where the paper was run."""
    library, result = desk.library, desk.paper.result() if desk.paper is not None else None
    said = result.findings if result is not None else {}
    found = []
    for name, record in library.read_all("findings").items():
        judged = said.get(name, {})
        verdict = str(judged.get("verdict", ""))
        found.append(
            ClaimLine(
                name, record.statement, _short(record.source_keys, library), record.role,
                f"{record.evidence_status}, {record.confidence} confidence", verdict, GLYPHS.get(verdict, ""),
                str(judged.get("simulated") or ""), str(judged.get("reason") or record.cannot_say),
            )
        )  # fmt: skip
    return found


def parameters(library: Library) -> list[ParameterLine]:
    """Return every row of the parameter tables."""
    from gvlab.model.model import Model

    model = Model.default(library)
    titles = model.symbols
    return [
        ParameterLine(
            row.parameterId,
            model.title(row.parameterId) if row.parameterId in titles else "",
            number(row.nominalValue),
            "" if row.unit == "dimensionless" else row.unit,
            ", ".join(row.context),
            str(row.evidence),
            _short(row.source_keys, library),
            row.verification,
            row.note or row.derivation,
        )
        for row in library.parameter_rows()
    ]


def _short(keys: Iterable[str], library: Library) -> str:
    known = library.bibliography()
    return "; ".join(known[key].short if key in known else key for key in keys)


def router(desk: Desk) -> APIRouter:
    """Return the routes of the other pages."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    def page(template: str, title: str, **values: Any) -> HTMLResponse:
        text = render(template, title=title, page=title, context=CONTEXT_OF_USE, **desk.about(), **values)
        return HTMLResponse(text)

    @routes.get("/model")
    def model() -> HTMLResponse:
        lines = parameters(desk.library)
        counts = {str(kind): sum(each.evidence == str(kind) for each in lines) for kind in Evidence}
        edges = desk.library.rows("edges")
        return page(
            "model.html.j2", "Model", lines=lines, counts=counts, claims=claims(desk), edges=edges,
            diagram=Markup(svg(wiring_view(edges))) if edges else "",
        )  # fmt: skip

    @routes.get("/paper")
    def paper() -> HTMLResponse:
        if desk.paper is None:
            return page(
                "paper.html.j2", "Paper", study=None, result=None, where="", running=False, claims=[], counts={}
            )
        desk.paper.start()
        result = desk.paper.result()
        lines = claims(desk)
        counts = {verdict: sum(each.verdict == verdict for each in lines) for verdict in GLYPHS}
        return page(
            "paper.html.j2", "Paper", study=desk.library.read("studies", desk.paper.study), result=result,
            where=desk.paper.in_words, running=result is None and desk.paper.running, claims=lines, counts=counts,
            glyphs=GLYPHS,
        )  # fmt: skip

    @routes.get("/paper/figure/{name}")
    def figure(name: str) -> Response:
        result = desk.paper.result() if desk.paper is not None else None
        content = result.figure(name) if result is not None else None
        if content is None:
            raise UnknownNameError("figure", name[:80], result.figures if result is not None else ())
        return Response(content, media_type="image/svg+xml")

    @routes.get("/patients")
    def patients(experiment: Annotated[str, Query(max_length=limits.MAX_NAME)] = "") -> HTMLResponse:
        library, known = desk.library, clinical_experiments(desk.library)
        if not known:
            return page("patients.html.j2", "Patients", experiments={})
        name = check_clinical(library, experiment)
        state = BenchState.start(library, name)
        answer = desk.laboratory.answer(state)
        results = answer.results
        head, rows = results.summary().arm_table()
        notes = (*answer.notes, *not_followed(results), *results.experiment.left_out)
        read = list(responder_views(results))
        groups = dict.fromkeys((reading.arm, reading.group) for reading, _ in read)
        return page(
            "patients.html.j2", "Patients", experiments=known, here=name, record=library.read("experiments", name),
            subjects=state.subjects, link=link_of(state), notes=notes, head=head, rows=rows, groups=list(groups),
            pictures=_printed(clinical_views(results)), responders=_printed(view for _, view in read),
            endpoint_titles={key: each.title for key, each in library.read_all("endpoints").items()},
        )  # fmt: skip

    @routes.get("/runs")
    def runs(said: str = "") -> HTMLResponse:
        kept = desk.store.runs()
        rows = [{"run": each, "when": _when(each), "link": desk.link_of_kept(each)} for each in kept]
        return page("runs.html.j2", "Runs", rows=rows, said=said[:300])

    @routes.post("/runs/change")
    async def change(request: Request) -> RedirectResponse:
        given = {key: values[-1] for key, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        what, run = given.get("what", ""), given.get("run", "")
        if what == "note":
            desk.store.note(run, given.get("note", "").strip())
            said = "The note is kept."
        elif what == "remove":
            desk.store.remove(run)
            said = "The run is off the list. Undo brings it back."
        elif what == "undo":
            said = desk.store.undo() or "There is nothing to undo."
        else:
            raise InvalidValueError("A run can be noted and removed, and the last of that undone.")
        from urllib.parse import quote

        return RedirectResponse(f"/runs?said={quote(said)}", 303)

    @routes.get("/runs/compare")
    def compare(one: str = "", other: str = "") -> HTMLResponse:
        both = [desk.store.get(name) for name in (one, other)]
        shown = [_side(desk, each) for each in both]
        rows = differences(*(dict(each.state["experiment"]) for each in both))
        return page("compare.html.j2", "Runs", sides=shown, rows=rows)

    return routes


def _printed(views: Iterable[View]) -> list[tuple[View, Markup, Markup]]:
    return [(view, Markup(svg(view, width=460.0)), Markup(table_html(view))) for view in views]


def _when(run: KeptRun) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created))


def picture_of_run(desk: Desk, run: str) -> View:
    """Return the first picture of a run that was kept; errors as `RunStore.get`."""
    desk.store.get(run)
    results = desk.store.results(run, desk.library)
    return picture(results, next(iter(picture_specs(results.experiment))))


def _side(desk: Desk, run: KeptRun) -> dict[str, Any]:
    view = picture_of_run(desk, run.id)
    return {
        "run": run,
        "when": _when(run),
        "link": desk.link_of_kept(run),
        "svg": Markup(svg(view, width=460.0)),
        "title": f"{view.title}, {run.title}",
        "caption": view.caption,
        "table": Markup(table_html(view)),
    }
