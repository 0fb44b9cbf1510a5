"""What a page looks like: nothing that axe finds, nothing too small to be touched, nothing wider than the screen."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from bench_page import EXPERIMENT, SYSTEM, Server

from gvlab.web.offline import offline_page, offline_state
from gvlab.web.pages import GLYPHS
from gvlab.web.paper_run import PaperResult
from gvlab.workflows.run_study import RunRequest, run_study

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDE, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def report_file(tmp_path_factory):
    """The report of two experiments of the paper, with curves, courses, a diagram, verdicts and parameters."""
    folder = tmp_path_factory.mktemp("report") / "mine"
    run_study(RunRequest(name="mathew2018", only=("C07", "C33"), subjects=8, ensemble=False)).write(folder)
    return folder / "report.html"


class Look:
    """Looks at a page in each of its states, and keeps what is wrong."""

    def __init__(self, bench):
        self.bench, self.found = bench, {}

    def at(self, what):
        # A picture is one image with a name; what is drawn inside it has thousands of parts and no rule of axe.
        inside = {"exclude": [["svg.gv > *"]]}
        result = Axe().run(self.bench.page, context=inside, options={"runOnly": RULES, "resultTypes": ["violations"]})
        for each in result.response["violations"]:
            self.found[what, each["id"]] = [node["html"][:160] for node in each["nodes"]][:3]
        if self.bench.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.found[what, "wider than the screen"] = []


# Tones hang on the scheme alone and places on the width alone: two looks see each of both.
@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "dark"), (PHONE, "light")], ids=["wide-dark", "phone-light"])
def test_axe_finds_nothing_in_any_state(opened, desk, size, scheme):
    server = Server(desk)
    bench = opened(server.url, viewport=size, color_scheme=scheme)
    look, page = Look(bench), bench.page
    look.at("opened")
    page.get_by_role("button", name="Give it away").click()
    look.at("dialog")
    page.keyboard.press("Escape")
    for tab in ("Why?", "Axis", "Assays", "Your data"):
        bench.answered(lambda tab=tab: page.get_by_role("radio", name=tab).click(force=True))
        look.at(tab)
    seed = page.get_by_label("Seed")
    seed.fill("x")
    bench.answered(lambda: seed.press("Tab"))
    look.at("error")
    for name in ("model", "runs", "patients"):
        page.goto(server.page(name))
        if name == "model":
            # Rows are all alike, and there are hundreds.
            page.get_by_label("Search").first.fill("sorafenib")
        look.at(name)
    page.goto(server.url)
    server.stop()
    page.wait_for_selector("#offline:not([hidden])")
    look.at("offline")
    assert look.found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_a_page_from_a_disk(opened, desk, tmp_path, scheme):
    path = tmp_path / "bench.html"
    state = offline_state(desk.library, EXPERIMENT, SYSTEM, "", 24)
    path.write_text(offline_page(state, desk.library, points=(2,)), encoding="utf-8")
    bench = opened(viewport=PHONE, color_scheme=scheme)
    bench.page.goto(path.as_uri())
    look = Look(bench)
    look.at("page from a disk")
    assert look.found == {}


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "dark"), (PHONE, "light")], ids=["wide-dark", "phone-light"])
def test_axe_finds_nothing_on_the_page_of_the_paper(opened, desk, server, monkeypatch, tmp_path, size, scheme):
    claims = desk.library.names("findings")
    said = {
        claim: {"verdict": verdict, "reason": "a reason in words", "simulated": "ratio 2"}
        for claim, verdict in zip(claims, GLYPHS, strict=False)
    }
    figures = tuple(f"figure_{number}.svg" for number in range(1, 7))
    for name in figures:
        (tmp_path / name).write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h7"/></svg>'
        )
    monkeypatch.setattr(desk.paper, "result", lambda: PaperResult(said, figures, tmp_path, 12))
    bench = opened(viewport=size, color_scheme=scheme)
    bench.page.goto(server.page("paper"))
    look = Look(bench)
    look.at("paper")
    assert bench.page.locator("img").count() == 6
    assert look.found == {}


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light"), (PHONE, "dark")])
def test_axe_finds_nothing_in_a_report_and_no_letter_is_small(opened, report_file, size, scheme):
    bench = opened(viewport=size, color_scheme=scheme)
    bench.page.goto(report_file.as_uri())
    look = Look(bench)
    look.at("opened")
    for each in bench.page.locator("details:not([open]) > summary").all():
        if each.is_visible():
            each.click()
    look.at("unfolded")
    small = bench.page.evaluate(
        """() => [...document.querySelectorAll('main *')].filter(each => each.checkVisibility()
            && [...each.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())).map(each => {
            const svg = each.closest('svg[viewBox]');
            const scale = svg && svg.parentElement.closest('svg') === null && svg.viewBox.baseVal.width
              ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
            return [each.textContent.trim().slice(0, 30), parseFloat(getComputedStyle(each).fontSize) * scale];
        }).filter(([, size]) => size > 0 && size < 9)"""
    )
    assert small == []
    assert look.found == {}


def test_words_in_pictures_have_the_color_of_the_page(opened, server):
    """Axe does not look at words of an SVG; none of them is black on black."""
    bench = opened(server.url, color_scheme="dark")
    dim = bench.page.evaluate(
        """() => [...document.querySelectorAll('main svg text')].filter(each => {
            const [red, green, blue] = getComputedStyle(each).fill.match(/\\d+/g).map(Number);
            return red + green + blue < 3 * 110;
        }).map(each => each.textContent)"""
    )
    assert dim == []


def test_what_is_touched_is_large_enough(opened, server):
    bench = opened(server.url, viewport=PHONE)
    small = bench.page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, summary, a')]
        .filter(each => !['checkbox', 'radio'].includes(each.type))
        .filter(each => each.checkVisibility() && !each.closest('footer') && !each.classList.contains('skip'))
        .map(each => [each.outerHTML.slice(0, 60), each.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([html]) => html)"""
    )
    labels = bench.page.evaluate(
        """() => [...document.querySelectorAll('input[type=checkbox], input[type=radio]')]
        .map(each => each.closest('label').getBoundingClientRect())
        .filter(box => box.width && box.height < 24).length"""
    )
    assert (small, labels) == ([], 0)
