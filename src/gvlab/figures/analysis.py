"""Figures of a file of readings, real or simulated: the same ones, solid for real data, hollow and marked otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from gvlab.assay.analysis import TUBES, Analysis
from gvlab.assay.comparisons import MOST_ARMS, numbered_causes, survival_comparisons, test_in_words
from gvlab.errors import InvalidValueError
from gvlab.figures.cuminc import cumulative_incidences
from gvlab.figures.flow_analysis import flow_figures
from gvlab.figures.groups import groups
from gvlab.figures.stress_analysis import stress_figures
from gvlab.figures.style import mark_simulated, panels, styled
from gvlab.figures.survival import survival
from gvlab.figures.tables import file_name
from gvlab.figures.timecourse import timecourse
from gvlab.statistics import compare_many

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_FIGURES = 40
_MOST_SAMPLES = 24
_SERIES_AXES = {"minute": "Minutes", "wavelength_nm": "Wavelength (nm)", "point": "Point of the well"}


def analysis_figures(
    analysis: Analysis, *, versus: str = "", time_zero: str = "transplantation"
) -> tuple[dict[str, Figure], tuple[str, ...]]:
    """Draw what a file says.

    Parameters
    ----------
    analysis
        Of a file.
    versus
        The arm that others are compared with; the first where empty.
    time_zero
        What happened on day 0.

    Returns
    -------
    Figures by name, and sentences on what was not drawn.
    """
    figures: dict[str, Figure] = {}
    notes: list[str] = []
    try:
        _DRAW[analysis.kind](_plain_text(analysis), versus.replace("$", r"\$"), time_zero, figures, notes)
    except InvalidValueError as error:
        notes.append(f"A figure was not drawn, and the tables are whole: {error}")
    return figures, tuple(notes)


def _plain_text(analysis: Analysis) -> Analysis:
    """Return an analysis in whose names a dollar is a dollar and begins no formula."""
    tables = {
        name: table.assign(
            **{
                column: table[column].astype(str).str.replace("$", r"\$", regex=False)
                for column in ("arm", "group", "sample", "analyte", "target")
                if column in table and table[column].astype(str).str.contains("$", regex=False).any()
            }
        )
        for name, table in analysis.tables.items()
    }
    return dataclasses.replace(analysis, tables=tables)


def _survival(analysis: Analysis, versus: str, time_zero: str, figures: dict[str, Figure], _: list[str]) -> None:
    if analysis.tables["subjects"]["arm"].nunique() > MOST_ARMS:
        return
    subjects = analysis.tables["subjects"]
    figures["survival"] = survival(
        subjects,
        versus=versus or None,
        tests=_tests(survival_comparisons(subjects, versus).get("comparisons")),
        time_zero=time_zero,
        simulated=analysis.simulated,
        band=True,
        width="double",
    )
    if "cause" not in subjects or not (subjects["cause"].astype(bool) & subjects["event_observed"].astype(bool)).any():
        return
    by_number = numbered_causes(subjects)
    figures["cumulative_incidence"] = cumulative_incidences(
        subjects.assign(cause=by_number.number), by_number.names, time_zero=time_zero, event_free="event-free",
        simulated=analysis.simulated, width="double",
    )  # fmt: skip


def _tests(comparisons: pd.DataFrame | None) -> dict[str, str]:
    """Return the words on the log-rank test of each arm, those of the terminal: corrected where there are several."""
    if comparisons is None:
        return {}
    rows = comparisons.to_dict("records")
    return {str(row["arm"]): test_in_words(row, len(rows) > 1) for row in rows}


def _readings(analysis: Analysis, versus: str, time_zero: str, figures: dict[str, Figure], notes: list[str]) -> None:
    if "readings" not in analysis.tables:
        notes.append("Without gates there are no percentages to draw.")
        return
    readings = analysis.tables["readings"]
    log = analysis.kind == "bioluminescence"
    readings = readings[np.isfinite(readings["value"].to_numpy(dtype=np.float64))]
    for analyte, rows in readings.groupby("analyte", sort=False):
        name, unit = str(analyte), str(rows["unit"].iloc[0])
        if rows["arm"].nunique() > MOST_ARMS:
            continue
        zero = log and bool((rows["value"] <= 0).any())
        if zero:
            smallest = rows.loc[rows["value"] > 0, "value"].min()
            notes.append(f'"{name}": readings of 0 are drawn at {smallest:g}, the smallest above it.')
            rows = rows.assign(value=rows["value"].clip(lower=smallest))
        times = sorted(rows["time"].dropna().unique())
        if len(times) > 1:
            figures[file_name(f"{name}_over_time", figures)] = timecourse(
                courses(rows, name, unit),
                name,
                label=name.replace("_", " "),
                log=log or _skewed(rows["value"]),
                floor=_floor(rows),
                singles=10_000,
                time_zero=time_zero,
                simulated=analysis.simulated,
                width="one-and-half",
            )
        for time in times or [np.nan]:
            here = rows if np.isnan(time) else rows[rows["time"] == time]
            if len(figures) >= _MOST_FIGURES:
                notes.append(f"Only the first {_MOST_FIGURES} figures were drawn; the tables hold everything.")
                return
            day = "" if np.isnan(time) else f"_day_{time:g}"
            figures[file_name(f"{name}{day}", figures)] = _dots(
                {str(arm): values["value"].to_numpy() for arm, values in here.groupby("arm", sort=False)},
                unit,
                name.replace("_", " ") + (f", day {time:g}" if day else ""),
                versus,
                analysis.simulated,
                log or _skewed(here["value"]),
                _floor(here),
            )


def _dots(
    values: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]],
    unit: str,
    label: str,
    versus: str,
    simulated: bool,
    log: bool = False,
    floor: float | None = None,
) -> Figure:
    enough = {arm: readings for arm, readings in values.items() if len(readings) > 1}
    reference = versus if versus in enough else next(iter(enough), "")
    pairs = compare_many(enough, versus=reference).table if len(enough) > 1 else None
    return groups(
        values, unit=unit, label=label, comparisons=pairs, simulated=simulated, log=log, floor=floor,
        width="single" if len(values) < 5 else "one-and-half",
    )  # fmt: skip


def courses(rows: pd.DataFrame, variable: str, unit: str) -> dict[str, xr.Dataset]:
    """Turn readings (columns ``subject, arm, time, value``) into one data set an arm; replicates are averaged."""
    found = {}
    for arm, group in rows.groupby("arm", sort=False):
        wide = group.pivot_table(index="subject", columns="time", values="value", aggfunc="mean", sort=False)
        wide = wide[sorted(wide.columns)]
        array = xr.DataArray(
            wide.to_numpy(dtype=np.float64),
            dims=("subject", "time"),
            coords={"subject": np.arange(len(wide)), "time": wide.columns.to_numpy(dtype=np.float64)},
            attrs={"unit": unit, "title": variable},
        )
        found[str(arm)] = xr.Dataset({variable: array})
    return found


def _skewed(values: pd.Series[float]) -> bool:
    """Return whether readings ask for a logarithmic axis: positive, and over more than a factor of 30."""
    lowest, highest = float(values.min()), float(values.max())
    return lowest > 0 and highest > 30 * lowest


def _floor(rows: pd.DataFrame) -> float | None:
    """Return the limit of detection where a reading lies below it: such readings are the limit."""
    below = rows[rows["below_lloq"]]
    return float(below["value"].max()) if len(below) else None


def _plate(analysis: Analysis, _: str, __: str, figures: dict[str, Figure], notes: list[str]) -> None:
    if "series" in analysis.tables:
        _series(analysis, figures)
    samples = analysis.tables.get("samples", pd.DataFrame())
    if samples.empty:
        if "series" not in analysis.tables:
            notes.append("There are no concentrations of samples, so there is nothing to draw.")
        return
    for plate, rows in _by_plate(samples):
        values = {str(row.sample): np.array([row.value]) for row in rows.itertuples(index=False)}
        unit = str(rows["unit"].iloc[0]) or "unit of the standards"
        if len(values) > _MOST_SAMPLES:
            values = {"samples": rows["value"].to_numpy(dtype=np.float64)}
            notes.append(f"There are more than {_MOST_SAMPLES} samples, so they are drawn as one group.")
        name = file_name(f"samples_{plate}" if plate else "samples", figures)
        figures[name] = groups(
            values, unit=unit, label="Concentration", title=plate.replace("$", r"\$") or None,
            simulated=analysis.simulated, width="double", floor=_floor(rows),
        )  # fmt: skip


def _by_plate(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of each plate of a file by its name; "" where there is one."""
    if "plate" not in table:
        return [("", table)]
    found = [(str(name), rows) for name, rows in table.groupby("plate", sort=False)]
    return found[:_MOST_FIGURES]


@styled
def _series(analysis: Analysis, figures: dict[str, Figure]) -> None:
    """Draw the readings of every well over time or wavelengths as a thin line, and their median."""
    for plate, rows in _by_plate(analysis.tables["series"]):
        axis = next(column for column in rows if column not in ("plate", "well", "value"))
        wide = rows.pivot_table(index=axis, columns="well", values="value", sort=False).sort_index()
        figure, (panel,) = panels(1, 1, width="one-and-half", height_mm=62.0, letters=False)
        panel.plot(wide.index, wide.to_numpy(), color="#0072B2", linewidth=0.4, alpha=0.5)
        panel.plot(wide.index, wide.median(axis=1), color="#000000", linewidth=1.4)
        panel.set_xlabel(_SERIES_AXES.get(str(axis), str(axis)))
        panel.set_ylabel("Signal")
        panel.set_title(
            f"{plate + ': ' if plate else ''}{wide.shape[1]} wells, median in black".replace("$", r"\$"), fontsize=7
        )
        mark_simulated(panel, analysis.simulated)
        figures[file_name(f"series_{plate}" if plate else "series", figures)] = figure


def _ratios(analysis: Analysis, _: str, __: str, figures: dict[str, Figure], notes: list[str]) -> None:
    table = analysis.tables.get("ratios")
    if table is None:
        return
    target, column = ("target", "ratio") if "target" in table else ("analyte", "ratio")
    for name, rows in table.groupby(target, sort=False):
        known = rows[np.isfinite(rows[column])]
        if known.empty:
            notes.append(f'"{name}" has no ratio that could be computed, so it is not drawn.')
            continue
        # What was repeated is a group; what was not is a dot of its own.
        values = {
            str(sample): part[column].to_numpy(dtype=np.float64)
            for sample, part in known.groupby(known["sample"].map(_condition), sort=False)
        }
        log = bool((known[column] > 0).all())
        figures[file_name(str(name), figures)] = groups(
            values, unit="fold of control", label=str(name), simulated=analysis.simulated,
            log=log and _skewed(known[column]), width="one-and-half",
        )  # fmt: skip


def _condition(sample: str) -> str:
    """Return the name of a sample without the number of its replicate: "sorafenib 2" -> "sorafenib"."""
    import re

    return re.sub(r"[\s_\-]*\d+$", "", str(sample)) or str(sample)


_DRAW: dict[str, Callable[[Analysis, str, str, dict[str, Figure], list[str]], None]] = {
    "survival": _survival,
    "readings": _readings,
    "bioluminescence": _readings,
    "plate": _plate,
    "cycles": _ratios,
    "relative signals": _ratios,
    "stress test": stress_figures,
    "flow cytometry": flow_figures,
    TUBES: _readings,
}


def check_versus(analysis: Analysis, versus: str) -> None:
    """Refuse a reference arm that the file does not have.

    Raises
    ------
    InvalidValueError
        If it has none of that name.
    """
    if not versus:
        return
    for table in analysis.tables.values():
        for column in ("arm", "group"):
            if column in table and versus in set(table[column]):
                return
    known = next((list(dict.fromkeys(t["arm"])) for t in analysis.tables.values() if "arm" in t), [])
    raise InvalidValueError(f'The file has no arm "{versus}". Arms: {", ".join(map(str, known)) or "none"}.')
