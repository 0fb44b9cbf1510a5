"""Figures of a file of readings, real or simulated: the same ones, solid for real data, hollow and marked otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from gvlab.assay.analysis import Analysis
from gvlab.assay.comparisons import MOST_ARMS
from gvlab.assay.flow_analysis import channel_labels
from gvlab.assay.gating import compensate
from gvlab.errors import InvalidValueError
from gvlab.figures.groups import groups
from gvlab.figures.style import looks, panels
from gvlab.figures.survival import survival
from gvlab.figures.timecourse import timecourse
from gvlab.statistics import compare_many

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_FIGURES = 40
_MOST_DRAWN = 20_000


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
    figures["survival"] = survival(
        analysis.tables["subjects"],
        versus=versus or None,
        time_zero=time_zero,
        simulated=analysis.simulated,
        band=True,
        width="double",
    )


def _readings(analysis: Analysis, versus: str, time_zero: str, figures: dict[str, Figure], notes: list[str]) -> None:
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
            figures[f"{_file(name)}_over_time"] = timecourse(
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
            figures[f"{_file(name)}{day}"] = _dots(
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
    samples = analysis.tables.get("samples", pd.DataFrame())
    if samples.empty:
        notes.append("There are no concentrations of samples, so there is nothing to draw.")
        return
    values = {str(row.sample): np.array([row.value]) for row in samples.itertuples(index=False)}
    unit = str(samples["unit"].iloc[0]) or "unit of the standards"
    if len(values) > 24:
        values = {"samples": samples["value"].to_numpy(dtype=np.float64)}
        notes.append("There are more than 24 samples, so they are drawn as one group.")
    figures["samples"] = groups(
        values, unit=unit, label="Concentration", simulated=analysis.simulated, width="double", floor=_floor(samples)
    )


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
        figures[_file(str(name))] = groups(
            values, unit="fold of control", label=str(name), simulated=analysis.simulated,
            log=log and _skewed(known[column]), width="one-and-half",
        )  # fmt: skip


def _condition(sample: str) -> str:
    """Return the name of a sample without the number of its replicate: "sorafenib 2" -> "sorafenib"."""
    import re

    return re.sub(r"[\s_\-]*\d+$", "", str(sample)) or str(sample)


def _stress(analysis: Analysis, _: str, __: str, figures: dict[str, Figure], ___: list[str]) -> None:
    from gvlab.figures.seahorse import stress_test

    rates = analysis.tables["rates"]
    rates = rates[rates["group"].str.lower() != "background"]
    minutes = sorted(rates["minute"].unique())
    first = rates.drop_duplicates("phase").iloc[1:]
    earlier = {
        phase: float(max(m for m in minutes if m < minute)) for phase, minute in first[["phase", "minute"]].to_numpy()
    }
    injections = {
        str(phase): 0.5 * (earlier[phase] + float(minute)) for phase, minute in first[["phase", "minute"]].to_numpy()
    }
    names = list(dict.fromkeys(rates["group"]))
    for rate, label in (("ocr", "OCR (pmol/min)"), ("ecar", "ECAR (mpH/min)")):
        by_arm = {
            arm: rates[rates["group"] == arm].pivot(index="well", columns="minute", values=rate).to_numpy()
            for arm in names
        }
        figures[rate] = stress_test(
            by_arm, minutes, injections, label=label, look=looks(names), simulated=analysis.simulated,
            width="one-and-half",
        )  # fmt: skip
        axes = figures[rate].axes[0]
        axes.legend(*axes.get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=6)
    wells = analysis.tables.get("wells")
    if wells is None:
        return
    values = [str(column) for column in wells if column not in ("well", "group")]
    figure, drawn = panels(-(-len(values) // 2), 2, letters=False)
    for panel, column in zip(drawn, values, strict=False):
        readings = {
            str(group): part[column].dropna().to_numpy(dtype=np.float64)
            for group, part in wells.groupby("group", sort=False)
        }
        readings = {group: found for group, found in readings.items() if len(found)}
        if readings:
            unit = "%" if "percent" in column else "mpH/min" if "glyco" in analysis.title.lower() else "pmol/min"
            groups(readings, unit=unit, label=column.replace("_", " "), axis=panel, simulated=analysis.simulated)
    for panel in drawn[len(values) :]:
        panel.set_visible(False)
    figures["parameters"] = figure


def _flow(analysis: Analysis, _: str, __: str, figures: dict[str, Figure], notes: list[str]) -> None:
    from gvlab.figures.flow import display, half_offset_histograms, two_markers

    file = analysis.flow
    if file is None:
        return
    signals = compensate(file, *file.spillover) if file.spillover else np.asarray(file.events, dtype=np.float64)
    names = [marker or channel for channel, marker in zip(channel_labels(file), file.markers, strict=True)]
    usual = [i for i, channel in enumerate(file.channels) if not channel.upper().startswith(("FSC", "SSC", "TIME"))]
    if not usual:
        notes.append("The file has no fluorescence channels, so no marker is drawn.")
        return
    shown = signals[:: max(1, len(signals) // _MOST_DRAWN)]
    if len(shown) < len(signals):
        notes.append(f"Figures draw every {max(1, len(signals) // _MOST_DRAWN)}th event; the tables count all of them.")
    high = max(1e3, float(np.quantile(shown[:, usual], 0.9995)))
    low = min(-100.0, float(np.quantile(shown[:, usual], 0.0005)))
    for one, other in zip(usual[::2], usual[1::2], strict=False):
        figures[f"{_file(names[one])}_{_file(names[other])}"] = two_markers(
            shown[:, one], shown[:, other], names=(names[one], names[other]), limits=(low, high),
            simulated=analysis.simulated, width=70.0, height_mm=62.0,
        )  # fmt: skip
        plot = figures[f"{_file(names[one])}_{_file(names[other])}"].axes[0]
        plot.set_xlim(float(display(low)), float(display(high)))
        plot.set_ylim(float(display(low)), float(display(high)))
    figures["markers"] = half_offset_histograms(
        {names[i]: shown[:, i] for i in usual[:12]},
        name="Signal, compensated" if file.spillover else "Signal",
        limits=(low, high),
        simulated=analysis.simulated,
        width="single",
        height_mm=30.0 + 7.0 * min(12, len(usual)),
    )
    axes = figures["markers"].axes[0]
    for place, i in enumerate(usual[:12]):
        axes.set_xlim(float(display(low)), float(display(high)))
        axes.annotate(
            names[i], (1, 0.55 * place + 0.2), xycoords=("axes fraction", "data"), ha="right", fontsize=6, zorder=30
        )


def _file(name: str) -> str:
    """Make a name that every file system takes."""
    plain = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in name).strip("._")
    return plain[:60] or "unnamed"


_DRAW: dict[str, Callable[[Analysis, str, str, dict[str, Figure], list[str]], None]] = {
    "survival": _survival,
    "readings": _readings,
    "bioluminescence": _readings,
    "plate": _plate,
    "cycles": _ratios,
    "relative signals": _ratios,
    "stress test": _stress,
    "flow cytometry": _flow,
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
