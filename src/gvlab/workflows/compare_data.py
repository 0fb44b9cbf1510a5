"""Compare data of a laboratory with the prediction of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import pandas as pd
from pydantic import Field

from gvlab.agreement.readings import ReadingAgreement, reading_agreement
from gvlab.agreement.survival import FEWEST, SurvivalAgreement, match_arms, survival_agreement
from gvlab.agreement.time_unit import in_days, refuse_likely_weeks
from gvlab.assay import Analysis, analyze
from gvlab.errors import InvalidValueError
from gvlab.experiment.experiment import Experiment
from gvlab.figures.comparison import survival_over_prediction
from gvlab.library import Library
from gvlab.statistics.estimate import p_value_in_words
from gvlab.views import figure, over_band_view
from gvlab.workflows.bundle import Bundle, Table
from gvlab.workflows.progress import CancelToken, ProgressSink, Stage
from gvlab.workflows.request import Request
from gvlab.workflows.studies import named_system

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Agreements: TypeAlias = "list[SurvivalAgreement] | list[ReadingAgreement]"

COMPARABLE = {"survival": "subjects", "readings": "readings", "bioluminescence": "readings"}
"""Kinds of files that can be compared with a prediction, and the table that holds their rows."""


class CompareRequest(Request):
    """Which data, and which prediction."""

    experiment: str
    """Name of an experiment of the library: what was predicted."""
    data: Path
    """A file of survival, readings or bioluminescence: CSV or .xlsx."""
    system: str = ""
    """In which system; it is named where the experiment is of several."""
    arms: dict[str, str] = Field(default_factory=dict)
    """By arm of the data: the arm of the experiment. Arms of the same name need no entry."""
    reads: dict[str, str] = Field(default_factory=dict)
    """By analyte of the data: what predicts it, an assay and its analyte or an output of the model."""
    event_is: int | None = None
    """Survival: the code of an event, where the file is unclear."""
    endpoint: str = ""
    """What the events of the file are; the experiment's first endpoint where empty."""
    sheet: str = ""
    """Of a workbook; the first where empty."""
    time_unit: Literal["", "days", "weeks"] = ""
    """Of the times, where the file does not name it."""
    subjects: Annotated[int, Field(ge=40)] = 1000
    """Virtual subjects in each arm."""
    seed: Annotated[int, Field(ge=0)] = 2018
    """The same seed gives the same virtual subjects."""


def compare_data(
    request: CompareRequest,
    *,
    library: Library | None = None,
    progress: ProgressSink | None = None,
    cancel: CancelToken | None = None,
) -> Bundle[Agreements]:
    """Lay data of a laboratory over the prediction, and say how well they agree.

    Parameters
    ----------
    request
        Which data, and which prediction.
    library
        The default one where None.
    progress, cancel
        Told where it stands; stops it.

    Returns
    -------
    Agreement of each arm, or of each analyte, with figures and tables.

    Raises
    ------
    UnknownNameError
        If a name is unknown, or nothing predicts an analyte.
    InvalidValueError
        If the file cannot be understood, or none of its arms is one of the experiment.
    """
    system = named_system(request.experiment, request.system, library)
    experiment = Experiment.read(request.experiment, system or None, library)
    endpoint = request.endpoint or next(iter(experiment.endpoints), experiment.library.names("endpoints")[0])
    outcome = str(experiment.library.read("endpoints", endpoint).title)
    found = analyze(request.data, event=request.event_is, sheet=request.sheet, library=experiment.library)
    if found.kind not in COMPARABLE:
        raise InvalidValueError(
            f'"{request.data.name}" holds {found.kind}; only survival, readings and bioluminescence can be laid over a '
            "prediction. For its figures: gvlab analyze."
        )
    rows = times_in_days(found, experiment.last_day, request.time_unit)
    arms = match_arms(list(dict.fromkeys(rows["arm"].astype(str))), [arm.name for arm in experiment.arms], request.arms)
    stage = Stage("Predicting", len(arms) * request.subjects, "subjects", sink=progress, cancel=cancel)
    agreements: Agreements
    if found.kind == "survival":
        agreements = survival_agreement(
            experiment,
            rows,
            arms,
            endpoint=endpoint,
            subjects=request.subjects,
            seed=request.seed,
            progress=stage.advance,
            cancel=cancel,
        )
        tables, figures = _survival_tables(agreements), {"survival": _survival_figure(agreements, outcome)}
    else:
        agreements = reading_agreement(
            experiment,
            rows,
            arms,
            subjects=request.subjects,
            seed=request.seed,
            named=request.reads,
            progress=stage.advance,
            cancel=cancel,
        )
        tables, figures = _reading_tables(agreements), _reading_figures(agreements, experiment)
    notes = _notes(experiment, found, rows, arms)
    lines = [agreement.in_words() for agreement in agreements]
    lines += [f"Left out: {words}" for words in dict.fromkeys(w for each in agreements for w in each.warnings)]
    return Bundle(
        request,
        agreements,
        heading=(experiment.title, f"System: {experiment.system.title}"),
        lines=(*notes, *lines),
        tables=tables,
        figures=figures,
        data={"comparison.json": _document(request, experiment, notes, lines)},
        contents={
            "agreement.csv, band.csv": "how well they agree; the predicted band",
            ", ".join(f"{path}.svg" for path in figures): "your data over the band",
        },
    )


def times_in_days(found: Analysis, last_day: float, time_unit: str) -> pd.DataFrame:
    """Return the rows of a file with times in days; it is asked where their unit is open and could be weeks.

    Parameters
    ----------
    found
        Survival, readings or bioluminescence.
    last_day
        Of the experiment.
    time_unit
        What the caller says of the times; "" for nothing.

    Raises
    ------
    InvalidValueError
        If the unit must be said, or is said where the file says it.
    """
    rows, column = found.tables[COMPARABLE[found.kind]], "duration" if found.kind == "survival" else "time"
    open_ = any("is not named; days were taken" in note for note in found.notes)
    if time_unit:
        if found.kind == "survival" and not open_:
            raise InvalidValueError(
                f'"{found.source.name}" names the unit of its times itself; leave --time-unit out, or mend the file.'
            )
        return in_days(rows, time_unit)
    if open_:
        refuse_likely_weeks(rows, column, last_day)
    return rows


def _notes(experiment: Experiment, found: Analysis, rows: pd.DataFrame, arms: Mapping[str, str]) -> list[str]:
    """Return what was taken for what, and what was left out."""
    notes = [f"Compared: {', '.join(f'{mine} with {theirs}' for mine, theirs in arms.items())}.", *found.notes]
    left = [arm for arm in dict.fromkeys(rows["arm"].astype(str)) if arm not in arms]
    if left:
        notes.append(f"Not compared, since no arm of the experiment has that name: {', '.join(left)}. Use --map.")
    if found.simulated:
        notes.append("The data themselves are simulated by GVLab: this compares the model with itself.")
    late = float(rows["duration"].max()) if "duration" in rows else 0.0
    if late > experiment.last_day:
        notes.append(f"Data reach day {late:g}, the prediction day {experiment.last_day:g}; compared until then.")
    return notes


def _survival_figure(agreements: Sequence[SurvivalAgreement], outcome: str) -> Figure:
    return survival_over_prediction(
        pd.concat([each.observed for each in agreements], ignore_index=True),
        {each.arm: (each.days, each.low, each.middle, each.high) for each in agreements},
        notes={
            each.arm: f"log-rank against {each.virtual} virtual: {p_value_in_words(each.p_value)}"
            for each in agreements
            if each.n >= FEWEST
        },
        outcome=outcome,
    )


def _survival_tables(agreements: Sequence[SurvivalAgreement]) -> dict[str, Table]:
    rows = [
        {
            "arm": each.arm,
            "predicted arm": each.predicted_arm,
            "n": each.n,
            "virtual": each.virtual,
            "p_logrank": each.p_value,
            "mean_difference_days": each.mean_difference[0],
            "lower": each.mean_difference[1],
            "upper": each.mean_difference[2],
            "time_in_band": each.coverage,
        }
        for each in agreements
    ]
    bands = [
        pd.DataFrame({"arm": each.arm, "day": each.days, "low": each.low, "median": each.middle, "high": each.high})
        for each in agreements
    ]
    return _both(rows, bands)


def _reading_tables(agreements: Sequence[ReadingAgreement]) -> dict[str, Table]:
    rows = [
        {
            "analyte": each.analyte,
            "predicted by": each.predicted_by,
            "readings": each.counted,
            "inside_90_band": each.inside,
            "share": each.inside / each.counted,
            "p_place": each.p_value,
        }
        for each in agreements
    ]
    return _both(rows, [each.band.assign(analyte=each.analyte, unit=each.unit) for each in agreements])


def _both(rows: Sequence[Mapping[str, object]], bands: Sequence[pd.DataFrame]) -> dict[str, Table]:
    return {
        "agreement.csv": Table(pd.DataFrame(rows), ("Data against simulation",)),
        "band.csv": Table(pd.concat(bands, ignore_index=True), ("simulated by GVLab",)),
    }


def _reading_figures(agreements: Sequence[ReadingAgreement], experiment: Experiment) -> dict[str, Figure]:
    figures = {}
    for number, each in enumerate(agreements, 1):
        plain = "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in each.analyte)
        figures[f"{number}_{plain[:40]}"] = figure(
            over_band_view(
                each.observed,
                each.band,
                label=each.analyte,
                unit=each.unit,
                time_zero=experiment.system.time_zero.removeprefix("day of "),
            ),
            width="double",
        )
    return figures


def _document(
    request: CompareRequest, experiment: Experiment, notes: Sequence[str], lines: Sequence[str]
) -> dict[str, Any]:
    return {
        "experiment": experiment.name,
        "system": experiment.system.name,
        "data": request.data.name,
        "seed": request.seed,
        "notes": list(notes),
        "agreement": list(lines),
    }
