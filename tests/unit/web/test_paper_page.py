"""The page of the paper: while its experiments run, and with what came of them."""

from __future__ import annotations

import re

from gvlab.web.pages import GLYPHS
from gvlab.web.paper_run import PaperResult


def test_the_page_counts_every_kind_of_verdict(client, desk, monkeypatch, tmp_path):
    names = list(desk.library.names("findings"))
    said = {name: {"verdict": verdict} for name, verdict in zip(names, GLYPHS, strict=False)}
    result = PaperResult(said, (), tmp_path, 8)
    monkeypatch.setattr(type(desk.paper), "start", lambda paper: None)
    monkeypatch.setattr(type(desk.paper), "result", lambda paper: result)
    page = client.get("/paper")
    assert page.status_code == 200
    for verdict, glyph in GLYPHS.items():
        assert re.search(rf"{glyph} \d+ {verdict}", page.text), verdict
