"""What a page looks like: nothing that axe finds, nothing too small to be touched, nothing wider than the screen."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from bench_page import EXPERIMENT, SYSTEM, Server

from gvlab.web.offline import offline_page, offline_state

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDE, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}


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
