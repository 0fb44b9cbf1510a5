"""A reader's own data over what is shown: points over the prediction, sentences, an error at its cell."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gvlab.agreement.readings import reading_agreement
from gvlab.agreement.survival import match_arms, survival_agreement
from gvlab.assay import analyze
from gvlab.errors import InvalidValueError
from gvlab.simulation.cancel import CancelToken
from gvlab.statistics import kaplan_meier
from gvlab.views import Key, Line, Points, View, looks_of, over_band_view, recipe_of, style_of
from gvlab.views.view import numbers
from gvlab.web.laboratory import Answer
from gvlab.web.own_file import PLANS, own_file, shown_name
from gvlab.web.pictures import SURVIVAL, picture, picture_specs
from gvlab.web.plan_panel import judged_plan

if TYPE_CHECKING:
    import pandas as pd

SUBJECTS = 200
"""Virtual subjects in each arm to which data are held."""


@dataclass(frozen=True)
class DataAnswer:
    """What data say of what is shown.

    Attributes
    ----------
    name
        Of the file.
    views
        The prediction with the data over it: survival, or a picture for each analyte.
    lines
        How well they agree, in sentences.
    summary
        Of a registered plan: how many of its predictions held.
    """

    name: str
    views: tuple[View, ...]
    lines: tuple[str, ...]
    summary: str = ""


def answer_to_files(
    answer: Answer, files: Sequence[tuple[str, bytes]], cancel: CancelToken | None = None
) -> DataAnswer:
    """Return a reader's data over the prediction that is shown; or, with a registered plan, held to that.

    Parameters
    ----------
    answer
        What is shown.
    files
        Name and content: a table, or a table and a registered plan.
    cancel
        Stops it.

    Raises
    ------
    InvalidValueError
        If a registered plan comes alone, or two tables do; else as `over_the_prediction` and `judged_plan`.
    """
    plans = [each for each in files if Path(each[0]).suffix.lower() in PLANS]
    tables = [each for each in files if each not in plans]
    if len(plans) == 1 and len(tables) == 1:
        bundle = judged_plan(plans[0][1], *tables[0], answer.state.experiment.library)
        name = f"{shown_name(tables[0][0])}, held to {shown_name(plans[0][0])}"
        return DataAnswer(name, (), (*bundle.heading, *bundle.lines), bundle.summary)
    if plans:
        raise InvalidValueError(
            f'"{shown_name(plans[0][0])}" alone says nothing of what came of it. Choose the registered plan and the '
            "file of the outcome together, both at once."
        )
    if len(tables) != 1:
        raise InvalidValueError(
            "Two tables were chosen. One at a time is laid over; or a registered plan (.json) with its outcome."
        )
    return over_the_prediction(answer, *tables[0], cancel)


def over_the_prediction(answer: Answer, name: str, content: bytes, cancel: CancelToken | None = None) -> DataAnswer:
    """Return a reader's data over the prediction that is shown.

    Parameters
    ----------
    answer
        What is shown.
    name, content
        The file: survival, readings or bioluminescence, as CSV or workbook. Its name is shown, and only its ending is
        used.
    cancel
        Stops it.

    Raises
    ------
    InvalidValueError
        If the file cannot be understood: the message names the cell.
    UnknownNameError
        If none of its arms is one of the experiment.
    """
    with own_file(name, content) as path:
        found = analyze(path)
    tables = {"survival": "subjects", "readings": "readings", "bioluminescence": "readings"}
    if found.kind not in tables:
        raise InvalidValueError(f'"{shown_name(name)}" holds {found.kind}; survival and readings can be laid over.')
    rows = found.tables[tables[found.kind]]
    experiment = answer.state.experiment
    arms = match_arms(list(dict.fromkeys(rows["arm"].astype(str))), [arm.name for arm in experiment.arms], {})
    lines = list(found.notes)
    views: list[View] = []
    if found.kind == "survival":
        endpoint = next(iter(experiment.endpoints), experiment.library.survival_endpoint())
        agreed = survival_agreement(
            experiment, rows, arms, endpoint=endpoint, subjects=SUBJECTS, seed=answer.state.seed, cancel=cancel
        )
        lines += [each.in_words() for each in agreed]
        if SURVIVAL in picture_specs(experiment):
            views.append(_with_survival(picture(answer.results, SURVIVAL), rows, arms, answer))
    else:
        read = reading_agreement(experiment, rows, arms, subjects=SUBJECTS, seed=answer.state.seed, cancel=cancel)
        lines += [each.in_words() for each in read]
        how = looks_of(answer.results)
        views += [
            over_band_view(
                each.observed,
                each.band,
                label=each.analyte,
                unit="" if each.unit == "dimensionless" else each.unit,
                look={mine: how[theirs] for mine, theirs in arms.items()},
                recipe=dataclasses.replace(recipe_of(answer.results), n=()),
            )
            for each in read
        ]
    return DataAnswer(shown_name(name), tuple(views), tuple(lines))


def _with_survival(view: View, rows: pd.DataFrame, arms: dict[str, str], answer: Answer) -> View:
    """Return the survival that is predicted with the curves of the data over it, with points at the deaths."""
    how, marks, keys = looks_of(answer.results), list(view.marks), list(view.keys)
    for mine, theirs in arms.items():
        own = rows[rows["arm"].astype(str) == mine]
        curve = kaplan_meier(own["duration"].to_numpy(dtype=np.float64), own["event_observed"].to_numpy(dtype=np.int64))
        time, alive = curve.columns["time"], 100 * curve.columns["survival"]
        style = style_of(how[theirs], 2.6)
        inside = time <= view.x.high
        marks.append(Line(numbers(time[inside]), numbers(alive[inside]), style.but(dashes=()), steps=True))
        died = inside & (curve.columns["events"] > 0)
        marks.append(Points(numbers(time[died]), numbers(alive[died]), style, 7.0, hollow=False))
        keys.append(Key(f"{mine}: your data, n = {len(own)}", style, "dot"))
    note = "Lines with filled points: your data; all else is simulated."
    return dataclasses.replace(
        view, title="Your data over the prediction", marks=tuple(marks), keys=tuple(keys), notes=(note,)
    )
