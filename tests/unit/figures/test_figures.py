from __future__ import annotations

import subprocess
import sys

import figure_data as made_up
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from gvlab import figures, statistics
from gvlab.errors import InvalidValueError, OutputError, UnknownNameError
from gvlab.figures.style import WIDTHS_MM, figure_bytes, looks
from gvlab.views.layout import layered

COMPARED = statistics.compare_many({"a": [1.0, 2.0, 3.0, 4.0], "b": [3.0, 5.0, 6.0, 9.0]}).table
VERDICTS = pd.DataFrame(
    [
        ("C01", "culture", "reproduced"),
        ("C01", "mouse", "partly"),
        ("C02", "mouse", "not"),
        ("C03", "mouse", "cannot say"),
    ],
    columns=["claim", "system", "verdict"],
)
ALL = {
    "survival": lambda **k: figures.survival(made_up.events(), **k),
    "timecourse": lambda **k: figures.timecourse(made_up.courses(), "level", **k),
    "groups": lambda **k: figures.groups({"a": [1.0, 2, 3, 4], "b": [3.0, 5, 6, 9]}, unit="pg/mL", label="Level", **k),
    "cumulative_incidences": lambda **k: figures.cumulative_incidences(made_up.events(), made_up.CAUSES, **k),
    "axis_diagram": lambda **k: figures.axis_diagram(made_up.edges(), **k),
    "verdict_matrix": lambda **k: figures.verdict_matrix(VERDICTS, **k),
}


def words(figure: Figure) -> str:
    """Everything that is written in a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(Text) if text.get_visible())


def drawn_texts(figure: Figure) -> list[Text]:
    """Every text on the page; axes also keep ticks beyond their limits, which are not drawn."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not (axes.axison and axes.get_visible() and low <= tick.get_loc() <= high):
                    hidden |= {tick.label1, tick.label2}
        if not axes.get_visible():
            hidden |= set(axes.findobj(Text))
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in hidden]


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover one another, and texts that leave the page."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in drawn_texts(figure)]
    page = figure.bbox
    found = [
        (text, "the edge of the page")
        for text, b in boxes
        if b.x0 < -1 or b.y0 < -1 or b.x1 > page.x1 + 1 or b.y1 > page.y1 + 1
    ]
    for i, (text, a) in enumerate(boxes):
        for other, b in boxes[i + 1 :]:
            wide = min(a.x1, b.x1) - max(a.x0, b.x0)
            high = min(a.y1, b.y1) - max(a.y0, b.y0)
            if wide > 1 and high > 0.25 * min(a.height, b.height) and a.bounds != b.bounds:
                found.append((text, other))
    return found


@pytest.mark.parametrize("name", ALL)
def test_every_figure_is_written_as_svg_pdf_and_png(name, tmp_path):
    files = [tmp_path / f"figure.{ending}" for ending in ("svg", "pdf", "png")]
    assert isinstance(ALL[name](save=files), Figure)
    svg, pdf, png = (file.read_bytes() for file in files)
    assert b"<svg" in svg
    assert pdf.startswith(b"%PDF")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert png.startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure.pdf", "figure.png", "figure.svg"]


@pytest.mark.parametrize("name", ALL)
def test_the_same_call_gives_the_same_bytes(name):
    first, second = (figure_bytes(ALL[name](), "svg") for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("width", WIDTHS_MM)
def test_no_text_covers_another_or_leaves_the_page(name, width):
    if (name, width) in {("axis_diagram", "single"), ("cumulative_incidences", "single")}:
        pytest.skip("this figure needs a wider column")
    assert overlaps(ALL[name](width=width, title="A title")) == []


LONG = [
    "BM + T cells",
    "BM + T cells + drug, cytokine-deficient leukemia",
    "BM + T cells + drug, cytokine-deficient recipient",
    "BM + T cells, antibody against the cytokine",
    "BM + syngeneic T cells + drug, overexpression of the factor",
]


@pytest.mark.parametrize("width", ["one-and-half", "double"])
def test_long_names_of_arms_find_room(width):
    events = made_up.events(12)
    events["arm"] = np.array(LONG)[np.arange(len(events)) % len(LONG)]
    readings = {name: np.arange(1.0, 6.0) + i for i, name in enumerate(LONG)}
    courses = {name: made_up.courses()["BM"] for name in LONG}
    long_label = "spare respiratory capacity of donor cells in the marrow"
    verdicts = pd.DataFrame([("C01", name, "partly") for name in LONG], columns=["claim", "system", "verdict"])
    drawn = [
        figures.survival(events, width=width, cure_fraction=dict.fromkeys(LONG, 0.4)),
        figures.groups(readings, unit="dimensionless", label=long_label, width=width),
        figures.timecourse(courses, "level", label=long_label, width=width),
        figures.cumulative_incidences(events, made_up.CAUSES, width="double"),
        figures.verdict_matrix(verdicts, width=width),
    ]
    for figure in drawn:
        aslant = {text.get_text() for text in figure.findobj(Text) if text.get_rotation() not in (0, 90)}
        assert [pair for pair in overlaps(figure) if not aslant.intersection(pair)] == []


def test_cured_fractions_stand_in_the_table_and_the_legend():
    cured = {"BM + T cells + drug": 0.58}
    assert "58 %" in words(figures.survival(made_up.events(), cure_fraction=cured)).split("\n")
    axes = Figure().add_subplot()
    figures.survival(made_up.events(), cure_fraction=cured, axis=axes)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["BM", "BM + drug", "BM + T cells", "BM + T cells + drug (58 % cured)"]


def test_a_median_of_cleared_subjects_is_drawn_at_zero_on_a_logarithmic_axis():
    courses = made_up.courses()
    cleared = courses["BM"].copy(deep=True)
    cleared["level"].values[:8, 10:] = 0.0
    cleared["level"].attrs = courses["BM"]["level"].attrs
    figure = figures.timecourse({"BM": cleared}, "level", log=True)
    median = max(figure.axes[0].lines, key=lambda line: line.get_linewidth())
    heights = np.asarray(median.get_ydata(), dtype=float)
    values = cleared["level"].to_numpy()
    assert (heights[10:15] < np.nanmin(values[values > 0])).all()
    assert (heights[:10] > 5).all()
    assert "0 or less" in words(figure).split("\n")


@pytest.mark.parametrize("name", [name for name in ALL if name not in {"verdict_matrix"}])
def test_simulated_data_is_marked_and_real_data_is_not(name):
    assert "simulated" in words(ALL[name]())
    assert "simulated" not in words(ALL[name](simulated=False))


@pytest.mark.parametrize("name", ["survival", "timecourse", "groups", "axis_diagram"])
def test_a_figure_is_drawn_into_an_axis_that_is_handed_in(name):
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots(1, 2)
    assert ALL[name](axis=axes[1]) is figure
    assert axes[0].lines == [] or len(axes[0].lines) == 0
    assert len(figure.axes) == 2


def test_panels_share_the_look_and_keep_apart():
    figure, axes = figures.panels(1, 2)
    figures.survival(made_up.events(), axis=axes[0])
    figures.timecourse(made_up.courses(), "level", axis=axes[1])
    assert len(axes) == 2
    assert {"a", "b"} <= set(words(figure).split("\n"))
    assert [pair for pair in overlaps(figure) if "n = " not in "".join(pair)] == []


def test_importing_figures_does_not_import_matplotlib():
    code = "import sys, gvlab.figures; print('matplotlib' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_figures_leave_the_users_settings_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    ALL["survival"]()
    assert dict(matplotlib.rcParams) == before


def test_survival_shows_the_numbers_that_statistics_give():
    events = made_up.events()
    text = words(figures.survival(events, versus="BM + T cells"))
    two = events[events["arm"].isin(["BM + T cells + drug", "BM + T cells"])]
    hazard = statistics.hazard_ratio(
        two["duration"], two["event_observed"], two["arm"], of="BM + T cells + drug", versus="BM + T cells"
    )
    assert f"{hazard.estimate.value:.2f} ({hazard.estimate.lower:.2f} to {hazard.estimate.upper:.2f})" in text
    p = statistics.logrank(two["duration"], two["event_observed"], two["arm"]).p_value
    assert f"p = {p:.2g}" in text
    assert "Days after transplantation" in text
    assert "Number at risk" in text
    assert "reference" in text


def test_numbers_at_risk_stand_under_their_ticks():
    figure = figures.survival(made_up.events())
    axes = figure.axes[0]
    ticks = [tick for tick in axes.get_xticks() if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    first = made_up.events().query("arm == 'BM'")
    counts = [str(int((first["duration"] >= tick).sum())) for tick in ticks]
    black = [t for t in axes.texts if t.get_text().isdigit() and t.get_ha() == "center"][: len(ticks)]
    assert [t.get_text() for t in black] == counts
    assert [t.xy[0] for t in black] == pytest.approx(ticks)


def test_months_are_30_4375_days():
    figure = figures.survival(made_up.events(), unit="month")
    assert "Months after transplantation" in words(figure)
    assert figure.axes[0].get_xlim()[1] == pytest.approx(100 / 30.4375)


def test_an_arm_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(UnknownNameError, match=r'no arm named "BM \+ drgu".*Did you mean "BM \+ drug"'):
        figures.survival(made_up.events(), arms=["BM", "BM + drgu"])
    with pytest.raises(UnknownNameError, match="column of the table of event times"):
        figures.survival(made_up.events().drop(columns="duration"))
    with pytest.raises(InvalidValueError, match="no rows"):
        figures.survival(made_up.events().iloc[:0])
    with pytest.raises(UnknownNameError, match='unit of the time axis named "year"'):
        figures.survival(made_up.events(), unit="year")


def test_a_median_ends_when_few_are_left():
    figure = figures.timecourse(made_up.courses(), "level")
    course = made_up.courses()["BM"]["level"]
    assert "BM (n = 12)" in words(figure).split("\n")
    medians = [line for line in figure.axes[0].lines if line.get_linewidth() == pytest.approx(1.28)]
    assert len(medians) == len(made_up.courses())
    alive = np.isfinite(course.to_numpy()).sum(axis=0)
    np.testing.assert_array_equal(medians[0].get_xdata(), course["time"].to_numpy()[alive >= 3])
    assert not (alive >= 3).all()


def test_arms_read_on_other_days_share_an_axis():
    courses = dict(list(made_up.courses().items())[:2])
    other = list(courses)[1]
    courses[other] = (
        courses[other].isel(time=slice(0, None, 2)).assign_coords(time=courses[other]["time"].to_numpy()[::2] + 0.25)
    )
    figure = figures.timecourse(courses, "level", singles=0, unit="week")
    first, second = (np.asarray(line.get_xdata()) for line in figure.axes[0].lines)
    assert set(np.round(7 * second % 1, 6)) == {0.25}
    assert set(np.round(7 * first % 1, 6)) == {0.0}
    assert "Weeks after transplantation" in words(figure)


def test_a_timecourse_needs_a_unit_and_one_unit():
    courses = made_up.courses()
    with pytest.raises(UnknownNameError, match='no variable of arm "BM" named "levle"'):
        figures.timecourse(courses, "levle")
    courses["BM"]["level"].attrs["unit"] = "ng/mL"
    with pytest.raises(InvalidValueError, match="ng/mL and in pg/mL"):
        figures.timecourse(courses, "level")
    del courses["BM"]["level"].attrs["unit"]
    with pytest.raises(InvalidValueError, match="has no unit"):
        figures.timecourse(courses, "level")


def test_every_animal_is_a_dot_and_hollow_where_simulated():
    for simulated in (True, False):
        figure = figures.groups({"a": np.arange(1.0, 8.0)}, unit="pg/mL", label="Level", simulated=simulated)
        dots = figure.axes[0].collections[0]
        assert len(dots.get_offsets()) == 7
        assert (len(dots.get_facecolors()) == 0) is simulated
    assert "n = 7" in words(figure)


def test_a_logarithmic_axis_refuses_zero_without_a_floor():
    with pytest.raises(InvalidValueError, match="no place for 0"):
        figures.groups({"a": [0.0, 1.0]}, unit="cell", label="Cells", log=True)
    figures.groups({"a": [0.0, 1.0]}, unit="cell", label="Cells", log=True, floor=0.5)


def test_brackets_carry_the_adjusted_p_values():
    groups = {"a": [1.0, 2, 3, 4], "b": [3.0, 5, 6, 9]}
    text = words(figures.groups(groups, unit="pg/mL", label="Level", comparisons=COMPARED))
    assert f"p = {COMPARED['p_holm'].iloc[0]:.2g}" in text


def test_stacked_incidences_end_at_the_aalen_johansen_estimates():
    text = words(figures.cumulative_incidences(made_up.events(30), made_up.CAUSES, arms=["BM + T cells + drug"]))
    rows = made_up.events(30).query("arm == 'BM + T cells + drug'")
    estimate = statistics.cumulative_incidence(rows["duration"], rows["cause"], made_up.CAUSES)
    for cause in ("leukemia", "GVHD"):
        last = 100 * estimate.of(cause)["incidence"].iloc[-1]
        assert f"{last:.0f}" in text.split("\n")
    with pytest.raises(InvalidValueError, match="One axis shows one arm"):
        figures.cumulative_incidences(made_up.events(), made_up.CAUSES, axis=Figure().add_subplot())


def test_the_axis_runs_from_left_to_right_and_feedback_does_not_count():
    places = layered([("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("x", "d"), ("b", "y")], {})
    assert [places[n].column for n in "abcd"] == [0, 1, 2, 3]
    assert len({places[n].row for n in "abcd"}) == 1
    assert places["x"].column == 2
    assert places["x"].row < places["d"].row < places["y"].row
    assert layered([("a", "b"), ("x", "b")], {"x": (0, 3)})["x"].row == 3
    with pytest.raises(UnknownNameError, match='no node named "z"'):
        layered([("a", "b")], {"z": (0, 0)})


def test_edges_say_how_they_differ_from_control():
    text = words(figures.axis_diagram(made_up.edges(), control="vehicle"))
    assert "×4.5" in text
    assert "×0.25" in text
    assert "off" in text
    assert "×1" not in text.replace("×1.4", "")
    assert "against vehicle" in text
    bad = made_up.edges()
    bad.loc[0, "sign"] = 0
    with pytest.raises(InvalidValueError, match='sign of edge "e1"'):
        figures.axis_diagram(bad)
    with pytest.raises(InvalidValueError, match="do not fit into"):
        figures.axis_diagram(made_up.edges(), width="single", labels={"cytokine": "a cytokine with a very long name"})


def test_verdicts_have_glyphs_and_counts():
    text = words(figures.verdict_matrix(VERDICTS, statements={"C01": "word " * 60}))
    for glyph in "✓◐✗?":
        assert glyph in text
    assert "partly (1)" in text
    assert "…" in text
    with pytest.raises(UnknownNameError, match='Did you mean "reproduced"'):
        figures.verdict_matrix(VERDICTS.replace("partly", "reproducd"))


def test_arms_keep_their_looks():
    look = looks(made_up.ARMS)
    assert len({(one.color, one.dashes) for one in look.values()}) == 4
    figure = figures.survival(made_up.events(), arms=made_up.ARMS[2:], look=look)
    assert figure.axes[0].lines[0].get_color() == look["BM + T cells"].color


def test_a_figure_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        ALL["survival"](save=tmp_path / "missing" / "figure.png")
    with pytest.raises(InvalidValueError, match=r"\.svg, \.pdf, \.png"):
        ALL["survival"](save=tmp_path / "figure.jpg")
    assert list(tmp_path.iterdir()) == []


def test_nothing_later_than_what_is_drawn_makes_room_or_leaves_the_axes():
    courses = made_up.courses()
    doses = pd.DataFrame({"agent": ["drug", "cells", "cells"], "start": [1.0, 0.0, 900.0], "stop": [800.0, 0.0, 900.0]})
    whole, cut = (
        figures.timecourse(courses, "level", doses=doses, until=until).axes[0]
        for until in (None, float(courses["BM"]["time"].to_numpy()[5]))
    )
    early = max(float(np.nanmax(course["level"].to_numpy()[:, :6])) for course in courses.values())
    assert early < cut.get_ylim()[1] < 1.1 * early < whole.get_ylim()[1]
    for axes in (whole, cut):
        above = [np.asarray(line.get_xdata(), dtype=float) for line in axes.lines if not line.get_clip_on()]
        assert len(above) == 2
        assert all(days.max() <= axes.get_xlim()[1] for days in above)
    with pytest.raises(InvalidValueError, match=r"drawn to -9 and is first read at 0; give a later `until`"):
        figures.timecourse(courses, "level", until=-9.0)


def test_a_reading_of_the_first_day_alone_is_drawn():
    courses = {arm: course.isel(time=[0]) for arm, course in made_up.courses().items()}
    left, right = figures.timecourse(courses, "level").axes[0].get_xlim()
    assert left == 0 < right


def test_rows_of_what_was_given_and_a_title_stand_above_the_mark_of_simulated_data():
    doses = pd.DataFrame({"agent": ["drug"], "start": [0.0], "stop": [30.0]})
    axes = Figure(layout="constrained").add_subplot()
    one = dict(list(made_up.courses().items())[:1])
    figures.timecourse(one, "level", axis=axes, doses=doses, title="Level")
    axes.figure.draw_without_rendering()
    boxes = {text.get_text(): text.get_window_extent() for text in axes.findobj(Text)}
    assert boxes["simulated"].y1 <= boxes["drug"].y0 < boxes["drug"].y1 <= boxes["Level"].y0
    (count,) = axes.get_legend().get_texts()
    assert "(n = 12)" in count.get_text()


def test_the_part_below_the_limit_of_detection_begins_where_the_axis_does():
    course = made_up.courses()["BM"]
    before = {"BM": course.assign_coords(time=course["time"].to_numpy() - 3.0)}
    axes = figures.timecourse(before, "level", log=True, floor=2.0).axes[0]
    assert axes.get_xlim()[0] == -3.0
    assert min(patch.get_path().vertices[:, 0].min() for patch in axes.patches) == -3.0
