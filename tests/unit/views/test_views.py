"""Pictures as text: what a view refuses, what the printer draws, and that it is where the numbers are."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from gvlab import views
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.library import Library
from gvlab.views import Axis, Band, Bars, Line, Points, Segments, Style, View, ViewColumn, ViewRecipe, ViewTable
from gvlab.views.palette import ARM_TONES, DARK, LIGHT
from gvlab.views.text_width import lines_of, text_width
from gvlab.views.ticks import ticks

NASTY = 'BM <script>alert("x")</script> & "T cells" \'+\' =1+1'
SVG = "{http://www.w3.org/2000/svg}"


def line_view(**changes: object) -> View:
    view = View(
        "ribbon",
        "A title",
        "A sentence.",
        Axis("Days", 0.0, 10.0),
        Axis("Cells", 0.0, 5.0, "cell"),
        (Line((0.0, 5.0, 10.0), (0.0, 2.5, 5.0)), Points((5.0,), (2.5,))),
        ViewTable((ViewColumn("day"), ViewColumn("cells", "cell")), ((0.0, 0.0), (5.0, 2.5), (10.0, 5.0))),
        ViewRecipe("abc", "def", 7, (("BM", 8),)),
    )
    return replace(view, **changes)


def followed(rng: np.random.Generator, n: int = 30) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    duration = np.minimum(rng.exponential(30.0, n), 60.0)
    return {"BM": (duration, (duration < 60.0).astype(int)), "BM + T cells": (np.full(n, 60.0), np.zeros(n, int))}


def test_a_view_refuses_what_is_not_a_number() -> None:
    with pytest.raises(InvalidValueError, match=r"A line has y = nan; a view holds finite numbers. Break the line"):
        Line((0.0, 1.0), (0.0, float("nan")))
    with pytest.raises(InvalidValueError, match="as many of each, and there are 1 of x, 2 of y"):
        Points((0.0,), (0.0, 1.0))
    with pytest.raises(InvalidValueError, match="A table holds inf; write None"):
        ViewTable((ViewColumn("x"),), ((float("inf"),),))
    with pytest.raises(InvalidValueError, match='axis "Flux" begins at 0; it begins above 0'):
        Axis("Flux", 0.0, 1.0, log=True)
    with pytest.raises(InvalidValueError, match="it must rise"):
        Axis("Flux", 1.0, 1.0)
    with pytest.raises(UnknownNameError, match=r'no tone named "arm_1".*Did you mean "arm-1"'):
        Style("arm_1")
    with pytest.raises(InvalidValueError, match="needs a title and a sentence"):
        line_view(summary=" ")


def test_finite_numbers_whose_sum_overflows_are_drawn() -> None:
    assert Line((1e308, 1e308), (0.0, 1.0)).x == (1e308, 1e308)


def test_marks_stand_where_the_axis_says() -> None:
    text = views.svg(line_view(), width=400)
    path = re.search(r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+)" fill="none" class="s-ink"', text)
    assert path is not None
    x0, y0, x1, y1, x2, y2 = map(float, path.groups())
    assert x1 == pytest.approx((x0 + x2) / 2, abs=0.11)
    assert y1 == pytest.approx((y0 + y2) / 2, abs=0.11)
    assert y0 - y2 == pytest.approx(190.0, abs=0.11)
    # The words of the axis stand under its ticks.
    root = ET.fromstring(text)
    words = {each.text: each for each in root.iter(f"{SVG}text")}
    assert float(words["10"].get("x", "nan")) == pytest.approx(x2, abs=0.11)
    assert float(words["0"].get("x", "nan")) in (pytest.approx(x0, abs=0.11), pytest.approx(x0 - 5.0, abs=0.11))


def test_logarithms_are_spread_evenly() -> None:
    axis = Axis("Flux", 1.0, 1e4, log=True)
    assert [axis.place(value) for value in (1.0, 1e2, 1e4)] == pytest.approx([0.0, 0.5, 1.0])
    assert [text for _, text in ticks(axis, 8)] == ["1", "10", "10²", "10³", "10⁴"]
    assert [text for _, text in ticks(Axis("x", 30.0, 220.0, log=True), 5)] == ["50", "100", "200"]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.0, 100.0, ["0", "20", "40", "60", "80", "100"]),
        (-0.5, 0.5, ["−0.4", "−0.2", "0", "0.2", "0.4"]),
        (0.0, 3e6, ["0", "5×10⁵", "10⁶", "1.5×10⁶", "2×10⁶", "2.5×10⁶", "3×10⁶"]),
        (3.0, 3.0004, ["3", "3.0001", "3.0002", "3.0003", "3.0004"]),
    ],
)
def test_axes_have_round_numbers(low: float, high: float, words: list[str]) -> None:
    assert [text for _, text in ticks(Axis("x", low, high), 6)] == words


def test_words_of_users_are_escaped_everywhere() -> None:
    rng = np.random.default_rng(1)
    arms = {NASTY: followed(rng)["BM"]}
    view = views.survival_of(arms, title=NASTY)
    for text in (views.svg(view), views.svg(view, standalone=True), views.table_html(view)):
        assert "<script" not in text
        ET.fromstring(f"<p>{text}</p>")
    assert NASTY in "".join(ET.fromstring(views.svg(view)).itertext())
    assert NASTY in ET.fromstring(views.svg(view)).get("aria-label", "")


def test_a_formula_in_a_table_is_text_to_a_spreadsheet() -> None:
    view = line_view(table=ViewTable((ViewColumn("arm"),), (("=HYPERLINK(1)",), ("+1",), ("plain",))))
    assert views.table_csv(view).splitlines()[2:] == ["arm", "'=HYPERLINK(1)", "'+1", "plain"]


def test_a_picture_needs_no_inline_style_and_has_a_title_and_a_description() -> None:
    view = views.survival_of(followed(np.random.default_rng(2)), title="Mice")
    text = views.svg(view)
    assert "style=" not in text
    assert "<style" not in text
    assert "href" not in text
    root = ET.fromstring(text)
    assert root.get("role") == "img"
    assert root.get("aria-label") == f"Mice. {view.summary}"
    assert text == views.svg(view)
    file = ET.fromstring(views.svg(view, standalone=True))
    assert [file.findtext(f"{{http://www.w3.org/2000/svg}}{each}") for each in ("title", "desc")] == [
        "Mice",
        view.summary,
    ]


def test_what_reaches_beyond_the_axes_is_cut_and_nothing_else_costs_an_element() -> None:
    inner = "<svg x="
    assert inner not in views.svg(line_view())
    for mark in (
        Line((0.0, 9.0), (0.0, 1.0)), Band((0.0, 1.0), (-9.0, 0.0), (1.0, 1.0)), Points((0.5,), (1e6,)),
        Segments((0.5,), (0.0,), (0.5,), (1e6,)), Bars((0.5,), (0.0,), (1e6,)), Bars((-9.0,), (0.0,), (0.5,)),
    ):  # fmt: skip
        assert inner in views.svg(line_view(marks=(mark,), x=Axis("x", 0.0, 1.0), y=Axis("y", 0.0, 1.0)))


def test_every_picture_says_that_it_is_simulated_and_measured_ones_do_not() -> None:
    assert ">simulated<" in views.svg(line_view())
    assert ">simulated<" not in views.svg(line_view(recipe=ViewRecipe(simulated=False)))
    assert "Simulated by GVLab, model def, experiment abc, seed 7, n = 8 per arm." in line_view().caption


def test_numbers_at_risk_and_survival_are_those_of_the_estimator() -> None:
    """Five mice dying on days 1, 2, 2, 4 and one censored on day 5: 0.8, 0.4, 0.2, by hand."""
    view = views.survival_of({"a": ([1.0, 2.0, 2.0, 4.0, 5.0], [1, 1, 1, 1, 0])}, last=6.0)
    line = next(mark for mark in view.marks if isinstance(mark, Line))
    assert line.x == (0.0, 1.0, 2.0, 4.0, 5.0)
    assert line.y == pytest.approx((100.0, 80.0, 40.0, 20.0, 20.0))
    assert view.under[0].at == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert view.under[0].words == ("5", "5", "4", "2", "2", "1", "0")
    ticks_ = next(mark for mark in view.marks if isinstance(mark, Points))
    assert (ticks_.x, ticks_.style.marker) == ((5.0,), "|")
    assert view.table.rows[0][:4] == ("a", 5, 4, 2.0)


def test_names_of_sixty_letters_fit_into_the_picture() -> None:
    name = "BM + T cells + sorafenib 10 mg/kg, IL-15-deficient leukemia"
    assert len(name) >= 58
    view = views.survival_of({name: ([1.0, 2.0], [1, 0]), "b": ([1.0], [1])}, title=name)
    root = ET.fromstring(views.svg(view, width=352, titled=True))
    for text in root.iter(f"{SVG}text"):
        if text.get("transform"):
            continue
        size, x = float(text.get("font-size", "nan")), float(text.get("x", "nan"))
        assert size >= 9.0
        for part in [text.text or "", *(span.text or "" for span in text.iter(f"{SVG}tspan"))]:
            wide = text_width(part, size) / 1.08
            start = {"middle": x - wide / 2, "end": x - wide}.get(text.get("text-anchor", ""), x)
            assert start >= -1.0, part
            assert start + wide <= 353.0, part


def test_what_does_not_fit_is_cut_and_told_in_full() -> None:
    assert lines_of("a b", 1000, 10) == ["a b"]
    assert lines_of("abcdefghij" * 20, 50, 10)[0].endswith("…")


def _contrast(a: str, b: str) -> float:
    """Contrast ratio of WCAG 2.2, from its definition of relative luminance."""

    def luminance(color: str) -> float:
        parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_tones_are_seen_on_their_paper(colors: dict[str, str]) -> None:
    for tone in ("ink", "muted"):
        assert _contrast(colors[tone], colors["paper"]) >= 4.5
        assert _contrast(colors[tone], colors["fill"]) >= 4.5
    for tone in (*ARM_TONES, "line", "up-4", "down-4"):
        assert _contrast(colors[tone], colors["paper"]) >= 3.0, tone
    assert len({colors[tone] for tone in ARM_TONES}) == 8
    assert LIGHT.keys() == DARK.keys()


def test_an_arm_looks_the_same_in_every_experiment() -> None:
    library = Library()
    both = "BM + T cells + sorafenib"
    first = views.library_looks(library, ["BM", both])
    second = views.library_looks(library, [both, "my own arm", "BM"])
    assert first[both] == second[both]
    assert first["BM"] == second["BM"]
    assert second["my own arm"].color not in (first["BM"].color, first[both].color)


def test_looks_differ_as_long_as_there_are_any_left() -> None:
    found = views.looks([f"arm {number}" for number in range(48)])
    assert len({(each.color, each.dashes) for each in found.values()}) >= 24
    assert len({each.color for each in list(found.values())[:8]}) == 8


def test_the_style_sheet_holds_both_pages_and_a_switch() -> None:
    text = views.stylesheet()
    assert text.count("--gv-arm-1:") == 4
    assert "prefers-color-scheme:dark" in text
    assert '[data-theme="dark"]' in text


def test_a_course_is_drawn_only_while_a_quarter_is_read() -> None:
    days = np.array([0.0, 1.0, 2.0])
    values = np.array(
        [[1.0, 2.0, 9.0], [3.0, 4.0, np.nan], [5.0, 6.0, np.nan], [7.0, 8.0, np.nan], [9.0, 10.0, np.nan]]
    )
    view = views.ribbon_view(views.Course("cells", "cell", days, {"a": values}))
    line = [mark for mark in view.marks if isinstance(mark, Line)][-1]
    assert (line.x, line.y) == ((0.0, 1.0), (5.0, 6.0))
    low, high = np.quantile(values[:, 0], [0.1, 0.9])
    assert view.table.rows[0] == (0.0, 5.0, pytest.approx(low), pytest.approx(high))
    assert view.table.rows[2] == (2.0, None, None, None)


def test_a_median_of_zero_stands_at_the_foot_of_a_logarithmic_axis() -> None:
    values = np.array([[10.0, 0.0], [100.0, 0.0], [1000.0, 50.0]])
    view = views.ribbon_view(views.Course("cells", "cell", np.array([0.0, 1.0]), {"a": values}, log=True))
    line = [mark for mark in view.marks if isinstance(mark, Line)][-1]
    assert line.y == (100.0, view.y.low)
    assert "0 or less" in views.svg(view)


def test_a_spider_crosses_out_who_died() -> None:
    values = np.array([[10.0, 100.0, np.nan], [10.0, 5.0, 1.0]])
    course = views.Course("flux", "photon/s", np.array([0.0, 1.0, 2.0]), {"a": values}, 4.0, log=True,
                          ended={"a": np.array([1.5, np.inf])})  # fmt: skip
    view = views.spider_view(course)
    crosses = [mark for mark in view.marks if isinstance(mark, Points) and mark.style.marker == "x"]
    assert (crosses[0].x, crosses[0].y) == ((1.0,), (100.0,))
    # What lies below the floor is drawn at it.
    assert [mark.y for mark in view.marks if isinstance(mark, Line)][1] == (10.0, 5.0, 4.0)
