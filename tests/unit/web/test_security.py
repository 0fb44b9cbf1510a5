"""Who may ask, and what a page may load."""

import json
import re
from pathlib import Path

import pytest

import gvlab.web
from gvlab.errors import InvalidValueError
from gvlab.library import Library
from gvlab.model.model import Model
from gvlab.simulation.cancel import CancelToken
from gvlab.web.edit import edited
from gvlab.web.limits import MAX_BODY
from gvlab.web.printed import file_name
from gvlab.web.serve import serving

FOLDER = Path(gvlab.web.__file__).parent
PAGES = ("/", "/model", "/runs", "/api/experiments", "/static/bench.js", "/static/tones.css", "/nowhere")


@pytest.mark.parametrize("path", PAGES)
def test_every_reply_forbids_what_is_inline_or_from_elsewhere(client, path):
    policy = client.get(path).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert client.get(path).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/model", "/runs", "/api/experiments", "/page/python", "/paper"])
def test_without_the_token_nothing_is_said(client, path):
    assert client.get(path, token="").status_code == 401
    assert client.get(path, token="wrong-token-wrong").status_code == 401


@pytest.mark.parametrize("path", ["/", "/model", "/runs"])
def test_an_address_with_the_token_opens_its_page_and_gives_a_cookie(client, path):
    reply = client.get(f"{path}?token=a-token-of-the-tests", token="")
    assert reply.status_code == 200
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert client.get("/", token="", headers={"cookie": cookie.split(";")[0]}).status_code == 200
    assert "set-cookie" not in client.get(path).headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil", "10.0.0.1", "a b"])
def test_other_names_of_this_server_are_refused(client, host):
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "file://", "http://["])
def test_pages_of_other_origins_are_refused(client, origin):
    assert client.post("/api/run", headers={"origin": origin}, json={}).status_code == 403


def test_our_own_origin_is_taken(client):
    assert client.post("/api/run", headers={"origin": "http://127.0.0.1:8118"}, json={"state": {}}).status_code == 422


def test_more_than_is_taken_is_refused(client):
    assert client.post("/api/run", content=b"x" * (MAX_BODY + 1)).status_code == 413

    async def drip():
        for _ in range(30):
            yield b"x" * 100_000

    assert client.post("/api/run", content=drip()).status_code in (400, 413)


def test_pages_have_no_script_style_or_handler_of_their_own(client):
    for path in ("/", "/model", "/runs"):
        text = client.get(path).text
        assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text) == []


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='x", "</title><b>"]
)
def test_what_a_user_writes_is_never_html(desk, state, library, evil):
    changed = edited(state, library, {"arm.name": evil}).state
    said = []
    message = {"n": 1, "state": changed.to_dict(), "fields": {"subjects": "5"}, "action": "keep"}
    desk.respond(json.dumps(message), CancelToken(), said.append)
    assert said[-1]["stage"] == "done"
    html = "".join(text for part in said for key, text in part.get("parts", {}).items() if key not in ("said", "error"))
    assert evil not in html
    assert evil in said[-1]["parts"]["said"]  # plain text, which the page never reads as HTML


def test_names_of_files_are_no_paths(client, state):
    assert file_name("../../etc/passwd", "\r\nX: 1") == "etc-passwd-X-1"
    assert file_name("///") == "gvlab"
    assert client.get("/paper/figure/..%2f..%2fpyproject.toml").status_code == 404
    assert client.get("/static/..%2fsecurity.py").status_code == 404


def test_there_is_one_script_and_it_is_short():
    scripts = list(FOLDER.rglob("*.js"))
    assert [script.name for script in scripts] == ["bench.js"]
    assert len(scripts[0].read_text().splitlines()) <= 500


def test_the_script_knows_no_biology():
    library, model = Library.default(), Model.default()
    names = {*model.named("species"), *model.named("parameter"), *model.equations.events}
    for kind in (
        "agents",
        "systems",
        "hosts",
        "donors",
        "leukemias",
        "conditions",
        "endpoints",
        "assays",
        "experiments",
    ):
        names.update(library.names(kind))
    assert len(names) > 300
    words = set(re.findall(r"\w+", (FOLDER / "static" / "bench.js").read_text()))
    assert words & (names - {"none", "help", "alive"}) == set()


def test_a_token_of_the_environment_is_long_enough_to_be_one(monkeypatch, library):
    monkeypatch.setenv("GVLAB_TOKEN", "short")
    with pytest.raises(InvalidValueError, match="16 to 200 letters"):
        serving(library, ready=print)
