"""Figures of plans, grids and comparisons: what they promise is drawn, what cannot be drawn is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from gvlab import views
from gvlab.errors import InvalidValueError
from gvlab.figures.comparison import survival_over_prediction
from gvlab.figures.synergy import synergy_map


def words(figure) -> str:
    return " | ".join(text.get_text() for text in figure.findobj(Text))


def grid(shape=(4, 4)):
    a, b = np.linspace(0, 0.5, shape[0]), np.linspace(0, 0.4, shape[1])
    effect = a[:, None] + b[None, :]
    rows = [(i, j, 0.1, 0.02 if i > 1 else -0.1, 0.2) for i in range(1, shape[0]) for j in range(1, shape[1])]
    return effect, pd.DataFrame(rows, columns=["dose_a", "dose_b", "excess", "lower", "upper"])


LABELS = {"first_label": "drug (mg)", "second_label": "cells", "reference": "loewe"}


def test_a_synergy_map_frames_what_is_sure_and_draws_the_line_of_additivity():
    effect, excess = grid()
    figure = synergy_map(effect, excess, first=range(4), second=range(4), isobole=0.35, **LABELS)
    framed = [patch for patch in figure.axes[1].patches if not patch.get_fill()]
    assert len(framed) == int((excess["lower"] > 0).sum())
    assert "simulated" in words(figure)
    assert "additivity" in words(figure)


def test_where_neither_alone_reaches_an_effect_the_figure_says_that_there_is_no_line():
    effect, excess = grid()
    effect[0], effect[:, 0] = 0.0, 0.0
    figure = synergy_map(effect, excess, first=range(4), second=range(4), isobole=0.5, **LABELS)
    assert "neither alone reaches 50 %" in words(figure)


def test_a_map_without_doses_has_no_isobole_and_shapes_must_fit():
    effect, excess = grid()
    figure = synergy_map(effect, excess, first=range(4), second=range(4), doses=False, **LABELS)
    assert len(figure.axes) == 2
    with pytest.raises(InvalidValueError, match="shape"):
        synergy_map(effect, excess, first=range(3), second=range(4), **LABELS)


def test_data_are_solid_over_a_simulated_band(tmp_path):
    rng = np.random.default_rng(1)
    seen = pd.DataFrame({"arm": "ours", "duration": rng.integers(5, 60, 9), "event_observed": 1})
    days = np.arange(0.0, 61.0)
    middle = np.exp(-days / 30)
    figure = survival_over_prediction(
        seen, {"ours": (days, 0.8 * middle, middle, 1.1 * middle)}, notes={"ours": "p = 0.5"}, save=tmp_path / "x.png"
    )
    text = words(figure)
    assert "ours (n = 9)" in text
    assert "simulated, 90 % band" in text
    solid = [line for line in figure.axes[0].lines if line.get_linestyle() == "-"]
    assert solid
    with pytest.raises(InvalidValueError, match='no predicted band for the arm "ours"'):
        survival_over_prediction(seen, {})


def test_readings_are_points_over_a_band():
    rng = np.random.default_rng(1)
    seen = pd.DataFrame({"subject": range(8), "arm": "ours", "time": 5.0, "value": rng.lognormal(2, 0.3, 8)})
    band = pd.DataFrame({"arm": ["ours"], "time": [5.0], "low": [4.0], "median": [7.0], "high": [12.0]})
    figure = views.figure(views.over_band_view(seen, band, label="IL-15", unit="pg/mL"), width="double")
    (filled,) = (line for line in figure.axes[0].lines if len(line.get_xdata()) == 8)
    assert filled.get_markerfacecolor() == filled.get_color()
    assert "IL-15 (pg/mL)" in words(figure)
