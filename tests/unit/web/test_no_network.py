"""Nothing leaves the machine: the pages are made where there is no network at all."""

import os
import shutil
import subprocess
import sys

PROBE = """
import asyncio, sys, tempfile
from pathlib import Path

def heard(event, given):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"):
        print("asked:", event, given, file=sys.stderr)
        raise RuntimeError(f"{event} {given}")

sys.addaudithook(heard)
import httpx
from gvlab.library import Library
from gvlab.web.app import create_app
from gvlab.web.desk import Desk

desk = Desk.of(Library.default(), "mathew2018_survival", folder=Path(tempfile.mkdtemp()))
app = create_app(desk, token="a-token-of-the-tests", hosts=("127.0.0.1",))

async def visit():
    transport = httpx.ASGITransport(app=app)
    headers = {"authorization": "Bearer a-token-of-the-tests"}
    options = {"transport": transport, "base_url": "http://127.0.0.1", "headers": headers, "timeout": None}
    async with httpx.AsyncClient(**options) as client:
        state = (await client.get("/api/start")).json()["state"]
        state["experiment"]["subjects"] = 5
        link = (await client.post("/api/link", json={"state": state})).json()["link"].lstrip("#")
        asked = [client.get(path) for path in (
            "/", "/model", "/runs", "/patients", "/static/bench.js", "/api/openapi.json", f"/page/archive?{link}",
            f"/page/python?{link}",
            *(f"/page/picture/survival.{kind}?{link}" for kind in ("svg", "pdf", "png", "csv", "xlsx")),
        )]
        for reply in [await each for each in asked] + [await client.post("/api/run", json={"state": state})]:
            assert reply.status_code == 200, (reply.url.path, reply.text[:300])
            print(reply.url.path)

asyncio.run(visit())
"""


def without_network():
    """Return what runs a command in a network namespace without routes, where allowed; a hook always watches."""
    words = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True).returncode == 0:
        return words
    return []


def test_pages_downloads_and_runs_ask_nothing_of_a_network():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [*without_network(), sys.executable, "-c", PROBE]
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "asked:" not in done.stderr
    assert len(done.stdout.splitlines()) == 14


def test_the_watch_would_see_a_request():
    script = (
        f"{PROBE.split('import httpx')[0]}\nimport socket\nsocket.create_connection(('198.51.100.1', 80), timeout=1)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode != 0
    assert "asked: socket." in done.stderr
