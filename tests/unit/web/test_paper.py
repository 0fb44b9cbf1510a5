"""The page Paper, after the paper was run."""

from gvlab.web.pages import GLYPHS
from gvlab.web.paper_run import PaperResult


def test_the_page_shows_a_claim_of_every_verdict(client, desk, monkeypatch, tmp_path):
    claims = desk.library.names("findings")
    said = {claim: {"verdict": verdict} for claim, verdict in zip(claims, GLYPHS, strict=False)}
    result = PaperResult(said, (), tmp_path, 12)
    monkeypatch.setattr(desk.paper, "result", lambda: result)
    reply = client.get("/paper")
    assert reply.status_code == 200
    for verdict, glyph in GLYPHS.items():
        assert f"{glyph} 1 {verdict}" in reply.text
