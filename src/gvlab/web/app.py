"""The application: pages, downloads, the JSON API and the WebSocket, behind the guard."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from gvlab.errors import GVLabError, UnknownNameError
from gvlab.views import stylesheet
from gvlab.views.view import CONTEXT_OF_USE
from gvlab.web.answer import banner_of, form_parts, result_parts
from gvlab.web.desk import Desk
from gvlab.web.edit import Edited
from gvlab.web.panels import panel_parts, tabs_part
from gvlab.web.security import Guard, TooLargeError
from gvlab.web.socket import Conversation
from gvlab.web.templates import render

STATIC = Path(__file__).parent / "static"


def create_app(desk: Desk, *, token: str, hosts: Iterable[str], any_address: bool = False) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    desk
        Who answers.
    token
        Must come with every request.
    hosts, any_address
        By which names, and whether by any address, this server may be called; see `security.Guard`.
    """
    from gvlab.web import api, api_panels, downloads, pages
    from gvlab.web.api import TITLE

    app = FastAPI(
        title=TITLE, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json", description=CONTEXT_OF_USE
    )
    app.add_middleware(Guard, token=token, hosts=tuple(hosts), any_address=any_address)

    async def refused(request: Request, error: Exception) -> Response:
        status = 404 if isinstance(error, UnknownNameError) else 422
        if request.url.path.startswith("/api") or "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"error": str(error)}, status)
        # Somebody follows a link: a page answers, and not a line of JSON.
        title = "Not found" if status == 404 else "Refused"
        foot = {"context": CONTEXT_OF_USE, **desk.about()}
        return HTMLResponse(render("refused.html.j2", title=title, page="", error=str(error), **foot), status)

    app.add_exception_handler(GVLabError, refused)
    app.add_exception_handler(TooLargeError, _too_large)
    tones = stylesheet()

    @app.get("/static/tones.css", include_in_schema=False)
    def tones_css() -> Response:
        return Response(tones, media_type="text/css")

    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def bench() -> HTMLResponse:
        return HTMLResponse(bench_page(desk))

    @app.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await Conversation(websocket, desk).hold()

    app.include_router(pages.router(desk))
    app.include_router(downloads.router(desk))
    app.include_router(api.router(desk))
    app.include_router(api_panels.router(desk))
    return app


def bench_page(desk: Desk) -> str:
    """Return the bench as it opens: with the result where it is known, else waiting for it."""
    state = desk.start()
    answer = desk.ready(state)
    parts: dict[str, Any] = dict.fromkeys(
        ("banner", "pictures", "summary", "notes", "said", "error", "stage", "panel"), ""
    )
    parts |= form_parts(Edited(state, anew=True), desk.library)
    parts["tabs"] = tabs_part(state)
    link = ""
    if answer is not None:
        shown = result_parts(answer)
        parts |= {**shown.html, **panel_parts(answer)}
        link = shown.link
        parts["banner"] = banner_of(state, shown.numbers)
    from markupsafe import Markup

    return render(
        "bench.html.j2",
        title="Bench",
        page="Bench",
        context=CONTEXT_OF_USE,
        **desk.about(),
        parts={key: text if key in ("said", "error") else Markup(text) for key, text in parts.items()},
        link=link,
        ready="yes" if answer is not None else "no",
        state=json.dumps(state.to_dict(), ensure_ascii=False),
    )


async def _too_large(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": "More was sent than is taken."}, 413)
