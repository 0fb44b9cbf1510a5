"""Builders of views: what is drawn is what was handed in, and what cannot be drawn is refused in words."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from gvlab import views
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.views import Bars, DiagramEdge, Given, Line, Patch, Points, Segments, Share, Text
from gvlab.views.axis_diagram import change_in_words, shade


def printed(view: views.View) -> str:
    text = views.svg(view)
    ET.fromstring(text)
    assert "style=" not in text
    return text


def test_dots_have_medians_quartiles_and_brackets_above_all():
    readings = {"a": [1.0, 2.0, 3.0, 4.0], "b": [10.0, 20.0], "none": []}
    view = views.dots_view(readings, label="IL-15", unit="pg/mL", brackets=[("a", "b", "90 %"), ("a", "none", "x")])
    assert view.table.rows[0] == ("a", 4, 2.5, 1.75, 3.25)
    assert view.table.rows[2] == ("none", 0, None, None, None)
    brackets = [mark for mark in view.marks if isinstance(mark, Text)]
    assert {mark.text for mark in brackets} == {"90 %", "x"}
    assert all(20.0 < mark.y < view.y.high for mark in brackets)
    assert len({mark.y for mark in brackets}) == 2
    assert "IL-15 (pg/mL)" in printed(view)
    with pytest.raises(UnknownNameError, match="group of a bracket"):
        views.dots_view(readings, label="x", brackets=[("a", "q", "")])
    with pytest.raises(InvalidValueError, match='"S" has 1 texts for 3 groups'):
        views.dots_view(readings, label="x", rows={"S": ("+",)})
    with pytest.raises(InvalidValueError, match="its axis is logarithmic"):
        views.dots_view({"a": [0.0]}, label="x", log=True)


def test_causes_add_up_to_what_is_not_alive():
    """Five mice without censoring: two die of one cause, one of the other, by counting."""
    view = views.incidence_view([1, 2, 3, 9, 9], [1, 2, 1, 0, 0], {1: "leukemia", 2: "GVHD"}, title="BM", last=9.0)
    shares = dict(view.table.rows)
    assert shares == {"leukemia": pytest.approx(40.0), "GVHD": pytest.approx(20.0), "alive": pytest.approx(40.0)}
    printed(view)


def test_a_schedule_marks_every_day_and_refuses_what_comes_too_late():
    given = [Given("BM", "sorafenib", "10 mg/kg", (1.0, 2.0, 3.0)), Given("BM", "T cells", "1e6 cell", (0.0,))]
    view = views.schedule_view(given, until=10.0, sizes=[("BM", 8)])
    days = [mark.x for mark in view.marks if isinstance(mark, Points)]
    assert days == [(1.0, 2.0, 3.0), (0.0,)]
    assert view.table.rows[0] == ("BM", "sorafenib", "10 mg/kg", "1 to 3, daily")
    assert "BM (n = 8)" in printed(view)
    with pytest.raises(InvalidValueError, match="after the end of the study on day 0"):
        views.schedule_view(given, until=0.5)


def test_a_diagram_is_as_wide_as_its_edges_are_strong_and_colored_by_their_change():
    edges = [
        DiagramEdge("a", "drug", "kinase", False, weight=4.0, change=0.25),
        DiagramEdge("b", "kinase", "cells", True, weight=2.0, change=5.0),
        DiagramEdge("c", "cells", "kinase", True, on=False),
    ]
    view = views.axis_diagram_view(edges, control="vehicle")
    arrows = [mark for mark in view.marks if isinstance(mark, views.Arrow)]
    assert [arrow.style.tone for arrow in arrows] == ["down-4", "up-4", "line"]
    assert arrows[0].style.width - 1.1 == pytest.approx(2 * (arrows[1].style.width - 1.1))
    assert [arrow.head for arrow in arrows] == ["bar", "arrow", "arrow"]
    assert arrows[2].crossed
    text = printed(view)
    for word in ("×0.25", "×5", "off", "against vehicle"):
        assert word in text
    with pytest.raises(InvalidValueError, match="not 0 or more"):
        DiagramEdge("a", "x", "y", True, weight=-1.0)
    assert [change_in_words(c) for c in (None, 1.05, 0.0, 250.0)] == ["", "", "×0", "×250"]
    assert [shade(c) for c in (None, 1.0, 1.2, 100.0, 0.0)] == ["line", "line", "up-1", "up-4", "down-4"]


def test_flow_counts_what_lies_in_the_gate():
    rng = np.random.default_rng(1)
    x, y = (np.concatenate([rng.normal(0, 50, 300), rng.normal(5000, 500, 100)]) for _ in range(2))
    view = views.flow_view(x, y, names=("CD107a", "IFN-γ"), gate=(1000.0, 1000.0))
    assert view.table.rows[0] == (400, pytest.approx(25.0))
    assert "25.0 %" in printed(view)
    assert sum(isinstance(mark, Line) for mark in view.marks) >= 4
    layers = views.histogram_view({"a": x, "b": y}, name="CD107a")
    assert [row[:2] for row in layers.table.rows] == [("a", 400), ("b", 400)]
    printed(layers)
    with pytest.raises(InvalidValueError, match="2 signals of a and 1 of b"):
        views.flow_view([1.0, 2.0], [1.0], names=("a", "b"))


def test_a_band_is_as_dark_as_its_signal():
    view = views.blot_view({"ATF4": [1.0, 0.5, 0.0]}, {"drug": ("-", "+", "+")})
    dark = [mark.style.opacity for mark in view.marks if isinstance(mark, Patch) and not mark.outline]
    assert dark[0] > dark[1] > dark[2]
    printed(view)
    with pytest.raises(InvalidValueError, match="different lengths"):
        views.blot_view({"ATF4": [1.0]}, {"drug": ("-", "+")})


def test_a_stress_test_draws_means_and_deviations():
    view = views.seahorse_view({"a": [[1.0, 3.0], [3.0, 5.0]]}, [0.0, 10.0], {"oligomycin": 5.0}, label="OCR", unit="u")
    assert view.table.rows == ((0.0, 2.0, pytest.approx(2**0.5)), (10.0, 4.0, pytest.approx(2**0.5)))
    assert "oligomycin" in printed(view)
    with pytest.raises(InvalidValueError, match="has 2 rates, and 1 times"):
        views.seahorse_view({"a": [[1.0, 2.0]]}, [0.0], {}, label="OCR", unit="u")


def test_power_says_where_it_reaches_its_target():
    view = views.power_view([4, 8, 12], [0.3, 0.7, 0.9], lower=[0.2, 0.6, 0.85], upper=[0.4, 0.8, 0.95], needed=10)
    assert "reaches 80 % at 10 animals" in view.summary
    planned = views.power_view([4, 8, 12], [0.3, 0.7, 0.9], lower=[0.2, 0.6, 0.85], upper=[0.4, 0.8, 0.95], needed=12)
    assert planned.summary == "12 animals an arm give 90 % power, and 80 % is asked for."
    assert view.table.rows[1] == (8, 70.0, 60.0, 80.0)
    printed(view)
    short = views.power_view([4], [0.3], lower=[0.2], upper=[0.4])
    assert "does not reach 80 % by 4" in short.summary
    with pytest.raises(InvalidValueError, match="2 sizes, 1 values"):
        views.power_view([4, 8], [0.3], lower=[0.2], upper=[0.4])


def test_power_has_a_line_for_each_plausible_set_and_a_band_of_three_and_more():
    n, power = list(range(2, 61)), [min(1.0, size / 10) for size in range(2, 61)]
    sets = [[min(1.0, size / scale) for size in n] for scale in (8, 10, 12, 14)]
    few = views.power_view(n, power, lower=power, upper=power, each=sets[:2], needed=8)
    many = views.power_view(n, power, lower=power, upper=power, each=sets, needed=8)
    bands = [[mark for mark in view.marks if isinstance(mark, views.Band)] for view in (few, many)]
    assert [len(each) for each in bands] == [1, 2]
    place = n.index(7)
    low, high = np.quantile([each[place] for each in sets], [0.1, 0.9])
    assert (bands[1][0].lower[place], bands[1][0].upper[place]) == pytest.approx((100 * low, 100 * high))
    assert "four of five of them" in printed(many)
    # Where every curve is near 1, nothing more is seen.
    assert many.x.high == pytest.approx(20.0 * 1.03)


def test_a_map_of_synergy_names_its_extremes():
    view = views.synergy_view(["1", "10"], ["0.1", "1"], [[0.0, -3.0], [12.0, np.nan]], labels=("drug", "cells"))
    assert "most +12 % at 10 with 0.1, least -3 % at 1 with 1" in view.summary
    tones = [mark.style.tone for mark in view.marks if isinstance(mark, Patch)]
    assert tones == ["fill", "down-1", "up-4", "fill"]
    printed(view)
    with pytest.raises(InvalidValueError, match="values of shape"):
        views.synergy_view(["1"], ["1"], [[1.0, 2.0]], labels=("a", "b"))


def test_shares_beyond_their_axis_move_its_ends():
    view = views.shares_view(
        [Share("a", 120.0, 90.0, 150.0), Share("b", -10.0, -30.0, 5.0)], title="t", label="l", summary="s", bars=True
    )
    assert (view.x.low, view.x.high) == (-30.0, 150.0)
    assert [mark.end for mark in view.marks if isinstance(mark, Bars)] == [(120.0,), (-10.0,)]
    assert any(isinstance(mark, Segments) and mark.x1 == (90.0,) for mark in view.marks)
    printed(view)


def test_matplotlib_draws_what_the_page_draws():
    view = views.survival_of({"a": ([1.0, 2.0, 5.0], [1, 1, 0])}, last=5.0, title="Mice")
    figure = views.figure(view, titled=True)
    (axes,) = figure.axes
    line = axes.lines[0]
    drawn = next(mark for mark in view.marks if isinstance(mark, Line))
    assert tuple(line.get_xdata()) == drawn.x
    assert tuple(line.get_ydata()) == drawn.y
    words = {text.get_text() for text in axes.texts}
    assert {"simulated"} - words == {"simulated"}  # measured data are not marked
    assert {"3", "Number at risk"} <= words
    assert views.print_bytes(view, "pdf").startswith(b"%PDF")
    with pytest.raises(InvalidValueError, match="kinds are pdf, png, svg"):
        views.print_bytes(view, "gif")


def test_survival_stands_over_the_band_it_was_predicted_in():
    seen = pd.DataFrame({"duration": [2.0, 4.0, 9.0, 9.0], "event_observed": [1, 1, 0, 0]})
    days = np.array([0.0, 3.0, 9.0])
    band = (days, np.array([0.9, 0.8, 0.4]), np.array([1.0, 0.9, 0.6]), np.array([1.0, 1.0, 0.7]))
    view = views.survival_over_band_view(seen, band, arm="ours", note="log-rank: p = 0.4")
    assert view.title == "ours (n = 4)"
    # On day 2 three of four live where at least nine of ten were predicted to; on day 4 the half, and again too few.
    assert view.table.rows[:3] == ((0.0, 100.0, 90.0, 100.0, 100.0), (2.0, 75.0, 90.0, 100.0, 100.0),
                                   (4.0, 50.0, 80.0, 90.0, 100.0))  # fmt: skip
    assert "ours: 2 of 4 steps of the curve lie" in view.summary
    assert "log-rank: p = 0.4" in view.caption
    solid = [mark for mark in view.marks if isinstance(mark, Line) and not mark.style.dashes]
    assert solid[0].y == (100.0, 75.0, 50.0, 50.0)
    printed(view)
    with pytest.raises(InvalidValueError, match="whether every subject was filtered out"):
        views.survival_over_band_view(seen.iloc[:0], band, arm="ours")
