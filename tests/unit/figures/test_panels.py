"""Flow plots, stress tests, blots, dots with a table, and sheets of panels."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab import figures
from gvlab.errors import InvalidValueError
from gvlab.figures.flow import display
from gvlab.figures.style import MM, wrapped

RNG = np.random.default_rng(4)


def texts(figure):
    from matplotlib.text import Text

    return [each.get_text() for each in figure.findobj(Text) if each.get_text()]


def test_a_gate_says_what_share_of_the_events_is_in_it():
    x = np.concatenate([np.full(75, 50.0), np.full(25, 5000.0)]) + RNG.normal(0, 5, 100)
    figure = figures.two_markers(x, x, names=("A", "B"), gate=(1000.0, 1000.0))
    assert "25.0 %" in texts(figure)
    with pytest.raises(InvalidValueError, match="3 signals of A and 2 of B"):
        figures.two_markers([1, 2, 3], [1, 2], names=("A", "B"))


def test_the_axis_of_signals_is_linear_around_zero_and_logarithmic_far_from_it():
    near = display([-10.0, 0.0, 10.0])
    assert near[1] - near[0] == pytest.approx(near[2] - near[1], rel=1e-2)
    decades = np.diff(display([1e4, 1e5, 1e6]))
    assert decades == pytest.approx(np.log(10), rel=1e-3)


def test_histograms_stand_half_apart_and_medians_are_marked():
    signals = {arm: np.exp(RNG.normal(np.log(level), 0.4, 2000)) for arm, level in (("a", 800.0), ("b", 3000.0))}
    axes = figures.half_offset_histograms(signals, name="Bcl-2").axes[0]
    middles = [float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 2]
    assert middles == pytest.approx([float(np.median(display(values))) for values in signals.values()])
    with pytest.raises(InvalidValueError, match="no events"):
        figures.half_offset_histograms({"a": []}, name="Bcl-2")


def test_injections_and_the_bracket_stand_where_they_are_told():
    rates = {"a": np.array([[10.0, 10.0, 30.0, 30.0], [12.0, 12.0, 34.0, 34.0]])}
    figure = figures.stress_test(
        rates, [1, 2, 3, 4], {"FCCP": 2.5}, label="OCR (pmol/min)", bracket=("a", "SRC", 11.0, 32.0)
    )
    assert {"FCCP", "SRC", "simulated"} <= set(texts(figure))
    with pytest.raises(InvalidValueError, match="has 4 rates, and 2 times"):
        figures.stress_test(rates, [1, 2], {}, label="OCR")


def test_a_band_darkens_with_its_signal():
    figure = figures.blot({"ATF4": [1.0, 0.2, 0.6]}, {"Drug": ["-", "+", "+"]})
    (image,) = figure.axes[0].images
    strip = np.asarray(image.get_array())
    darkest = [float(part.min()) for part in np.split(strip, 3, axis=1)]
    assert darkest[0] < darkest[2] < darkest[1]
    with pytest.raises(InvalidValueError, match="different lengths"):
        figures.blot({"ATF4": [1.0, 0.2]}, {"Drug": ["-"]})


def test_every_reading_is_a_dot_and_an_arm_without_any_keeps_its_place():
    readings = {"a": [1.0, 2.0, 3.0], "b": [], "c": [2.0, 2.5]}
    figure = figures.treated_dots(
        readings, {"Drug": ("-", "+", "-")}, label="IL-15 (pg/mL)", floor=0.8, brackets=[("a", "c", "12 %")]
    )
    dots = sum(len(points.get_offsets()) for points in figure.axes[0].collections if len(points.get_offsets()) > 1)
    assert dots == 5
    assert texts(figure).count("0") >= 1
    assert "12 %" in texts(figure)
    with pytest.raises(InvalidValueError, match="1 texts for 3 groups"):
        figures.treated_dots(readings, {"Drug": ("-",)}, label="IL-15")


@pytest.mark.parametrize("width", [85.0, 114.0, 174.0])
def test_panels_of_a_sheet_stay_on_the_page_and_do_not_overlap(width):
    def draw(axes):
        axes.plot([0, 1], [0, 1])

    panels = tuple(figures.Panel(draw, 43.5, 30.0, f"Panel {i}", verdicts=(("C01", "partly"),)) for i in range(4))
    figure = figures.sheet([figures.Row(panels), figures.Row(panels[:1])], width=width)
    assert figure.get_figwidth() / MM == pytest.approx(width)
    boxes = [axes.get_position() for axes in figure.axes]
    assert len(boxes) == 5
    for place, box in enumerate(boxes):
        assert 0 < box.x0 < box.x1 <= 1
        assert 0 < box.y0 < box.y1 <= 1
        assert not any(box.overlaps(other) for other in boxes[:place])
    assert [text for text in texts(figure) if text in "abcde"] == list("abcde")
    assert texts(figure).count("C01 \u25d0") == 5


def test_a_title_that_names_its_unit_gets_it_once():
    figure = figures.groups({"a": [1.0, 2.0], "b": [2.0, 3.0]}, unit="MFI ratio", label="Bcl-2 (MFI ratio)")
    assert figure.axes[0].get_ylabel().count("MFI ratio") == 1


@pytest.mark.parametrize(
    ("text", "space", "lines"),
    [
        ("Primary FLT3-ITD+ AML", 17.0, ["Primary", "FLT3-ITD+ AML"]),
        ("FLT3-ITD-transduced bone marrow", 16.0, ["FLT3-ITD-", "transduced", "bone marrow"]),
        ("MOLM-13", 20.0, ["MOLM-13"]),
        ("immunoglobulin", 5.0, ["immunoglobulin"]),
        ("BM + T cells", 9.0, ["BM + T", "cells"]),
    ],
)
def test_lines_break_between_words_and_behind_hyphens(text, space, lines):
    assert wrapped(text, space, 6.0).split("\n") == lines
