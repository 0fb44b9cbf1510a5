"""Starts the server of the bench."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from gvlab.errors import InvalidValueError, OutputError
from gvlab.library import Library
from gvlab.store.archive import Archive
from gvlab.web.app import create_app
from gvlab.web.desk import Desk
from gvlab.web.security import is_loopback
from gvlab.web.state import BenchState

TOKEN_VARIABLE = "GVLAB_TOKEN"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}\Z")
_ALL = ("0.0.0.0", "::")


@dataclass(frozen=True)
class Served:
    """Where the bench is.

    Attributes
    ----------
    url
        Opens the page: it holds the token.
    token
        Must come with every request.
    local
        Whether only this machine can reach it.
    """

    url: str
    token: str
    local: bool

    def to_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps({"url": self.url, "token": self.token})

    def in_words(self) -> list[str]:
        """Return what a terminal prints."""
        lines = [f"The bench is open: {self.url}", "Stop it with Ctrl-C."]
        if not self.local:
            lines.insert(1, f"Other machines can reach it. Whoever has the token may use it: {self.token}")
        return lines


def serving(
    library: Library,
    experiment: str = "",
    system: str | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    folder: Path | None = None,
    ready: Callable[[Served], None],
    archive: Archive | None = None,
) -> None:
    """Serve the bench until it is stopped.

    Parameters
    ----------
    library
        Where experiments are read.
    experiment, system
        What it opens with; the first study's main experiment where "".
    host, port
        Where it listens; port 0 takes a free one.
    folder
        Where runs are kept; the user's data folder where None.
    ready
        Told where it is, as soon as it listens.
    archive
        What it opens with, in place of an experiment of the library.

    Raises
    ------
    OutputError
        If it cannot listen there.
    InvalidValueError
        If GVLAB_TOKEN is too short to be one.
    """
    token = os.environ.get(TOKEN_VARIABLE, "") or secrets.token_urlsafe(24)
    if not _TOKEN.match(token):
        raise InvalidValueError(
            f"{TOKEN_VARIABLE} is no token: 16 to 200 letters, digits, hyphens and underscores. Unset it to get one."
        )
    desk = Desk.of(library, experiment or first_experiment(library), system, folder=folder)
    if archive is not None:
        desk.opened = state_of_archive(archive, library)
    listening = _listen(host, port)
    address, port = listening.getsockname()[:2]
    local = is_loopback(host)
    shown = socket.gethostname() if host in _ALL else f"[{host}]" if ":" in host else host
    names = {"localhost", "127.0.0.1", "::1", shown.strip("[]")} if local or host in _ALL else {host, address}
    app = create_app(desk, token=token, hosts=names, any_address=host in _ALL)
    server = uvicorn.Server(
        uvicorn.Config(
            app, log_level="warning", access_log=False, ws="websockets-sansio", ws_max_size=1_000_000,
            ws_per_message_deflate=False, lifespan="off", server_header=False, date_header=False,
            timeout_graceful_shutdown=2, limit_concurrency=200,
        )
    )  # fmt: skip
    threading.Thread(target=desk.warm_up, name="bench-warm-up", daemon=True).start()
    ready(Served(f"http://{shown}:{port}/?token={token}", token, local))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


def state_of_archive(archive: Archive, library: Library) -> BenchState:
    """Return the state that an archive was made of; errors as `BenchState.from_dict`."""
    plain = dict(archive.state) or {"experiment": archive.experiment.to_dict()}
    state = BenchState.from_dict(plain, library)
    return state if state.differs else dataclasses.replace(state, differs=archive.differs)


def first_experiment(library: Library) -> str:
    """Return the experiment the bench opens with: the main one of a study, else the first there is."""
    for study in library.read_all("studies").values():
        return str(study.main or study.experiments[0])
    return library.names("experiments")[0]


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OutputError(
            f'Nothing can listen on "{host}", port {port}: {error.strerror or error}. --port 0 finds a free one.'
        ) from error
    # Whoever is told the address may come at once: the server takes them when it is up.
    listening.listen(128)
    listening.set_inheritable(True)
    return listening
