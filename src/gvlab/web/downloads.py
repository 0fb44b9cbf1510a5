"""Downloads: pictures, the experiment as Python and as a command, the archive."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from gvlab.errors import GVLabError, InvalidValueError, UnknownNameError
from gvlab.store.archive import archive_bytes
from gvlab.views import View
from gvlab.views.view import CONTEXT_OF_USE
from gvlab.web.answer import numbers_of
from gvlab.web.code import command_of, python_of
from gvlab.web.laboratory import Answer
from gvlab.web.own_data import answer_to_files
from gvlab.web.own_file import sent_files
from gvlab.web.pages import picture_of_run
from gvlab.web.panels import data_parts, panel_views
from gvlab.web.patients import check_clinical, clinical_views, responder_views
from gvlab.web.pictures import picture, picture_specs
from gvlab.web.printed import KINDS, as_download, file_name, file_of, svg_file
from gvlab.web.state import BenchState, state_of_link

if TYPE_CHECKING:
    from gvlab.web.desk import Desk


def archive_of(answer: Answer) -> bytes:
    """Return the archive of an answer; the same answer gives the same bytes."""
    state, results = answer.state, answer.results
    figures = {}
    for name in picture_specs(state.experiment):
        with contextlib.suppress(InvalidValueError):  # nobody was read: there is nothing to draw
            figures[f"{file_name(name)}.svg"] = svg_file(picture(results, name))
    return archive_bytes(
        results,
        context=CONTEXT_OF_USE,
        figures=figures,
        state=state.to_dict(numbers_of(results.summary())),
        subjects=state.subjects,
        days=state.file.days,
    )


def at_place(views: Sequence[View], place: str) -> View:
    """Return one of the pictures of a page by its place, counted from 0.

    Raises
    ------
    UnknownNameError
        If there is none.
    """
    places = [str(number) for number in range(len(views))]
    if place not in places:
        raise UnknownNameError("picture", place[:80], places)
    return views[int(place)]


def router(desk: Desk) -> APIRouter:
    """Return the routes of downloads."""
    routes = APIRouter(include_in_schema=False)

    def state_of(request: Request) -> BenchState:
        return state_of_link(request.query_params.get("e", ""), desk.library)

    @routes.get("/page/picture/{name}.{kind}")
    def picture_file(request: Request, name: str, kind: str) -> Response:
        state = state_of(request)
        if kind not in KINDS:
            raise UnknownNameError("form of a picture", kind, KINDS)
        media, content = file_of(picture(desk.laboratory.answer(state).results, name), kind)
        name = file_name("gvlab", state.experiment.name, name)
        return Response(content, media_type=media, headers=as_download(f"{name}.{kind}"))

    @routes.get("/page/panel/{place}.{kind}")
    def panel_file(request: Request, place: str, kind: str) -> Response:
        state = state_of(request)
        view = at_place(panel_views(desk.laboratory.answer(state)), place)
        media, content = file_of(view, kind)
        name = file_name("gvlab", state.experiment.name, state.look.tab, view.title)
        return Response(content, media_type=media, headers=as_download(f"{name}.{file_name(kind)}"))

    @routes.get("/page/patients/{place}.{kind}")
    def patients_file(place: str, kind: str, experiment: str = "") -> Response:
        name = check_clinical(desk.library, experiment)
        results = desk.laboratory.answer(BenchState.start(desk.library, name)).results
        view = at_place((*clinical_views(results), *(each for _, each in responder_views(results))), place)
        media, content = file_of(view, kind)
        name = file_name("gvlab", name, view.title)
        return Response(content, media_type=media, headers=as_download(f"{name}.{file_name(kind)}"))

    @routes.get("/page/run.{kind}")
    def run_file(kind: str, run: str = "") -> Response:
        view = picture_of_run(desk, run)
        media, content = file_of(view, kind)
        name = file_name("gvlab", "run", run[:12], view.title)
        return Response(content, media_type=media, headers=as_download(f"{name}.{file_name(kind)}"))

    @routes.get("/page/data/{place}.{kind}")
    def data_file(place: str, kind: str, held: str = "") -> Response:
        view = at_place(desk.own.views(held), place)
        media, content = file_of(view, kind)
        name = file_name("gvlab", "own data", view.title)
        return Response(content, media_type=media, headers=as_download(f"{name}.{file_name(kind)}"))

    @routes.get("/page/archive")
    def archive(request: Request) -> Response:
        state = state_of(request)
        content = archive_of(desk.laboratory.answer(state))
        name = file_name("gvlab", state.experiment.name or state.experiment.title)
        return Response(content, media_type="application/zip", headers=as_download(f"{name}.gvlab.zip"))

    @routes.get("/page/python")
    def python(request: Request) -> PlainTextResponse:
        return PlainTextResponse(python_of(state_of(request)))

    @routes.get("/page/command")
    def command(request: Request) -> PlainTextResponse:
        return PlainTextResponse(command_of(state_of(request)))

    @routes.post("/page/data")
    async def data(request: Request) -> JSONResponse:
        state = state_of(request)
        content = await request.body()
        loop = asyncio.get_running_loop()
        try:
            files = sent_files(content)
            said = await loop.run_in_executor(desk.pool, lambda: answer_to_files(desk.laboratory.answer(state), files))
        except GVLabError as error:
            return JSONResponse({"error": str(error), "parts": data_parts(None, str(error))}, 422)
        return JSONResponse({"parts": data_parts(said, held=desk.own.hold(said.views))})

    return routes
