"""Hold the outcome of a study to the plan that was registered before it: which predictions held."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from gvlab import units
from gvlab.agreement.survival import match_arms, plain_name
from gvlab.assay import analyze
from gvlab.errors import InvalidValueError, UnitError
from gvlab.library import Library
from gvlab.planning.draws import Draw
from gvlab.planning.judgment import JudgedPlan, judge, reading_outcome, survival_outcome
from gvlab.planning.registration import Registration
from gvlab.workflows.bundle import Bundle, Table
from gvlab.workflows.compare_data import times_in_days
from gvlab.workflows.request import Request


class RegisteredRequest(Request):
    """Which data, and which registered plan."""

    plan: Path
    """The file of a registered plan."""
    data: Path
    """A file of survival or readings: CSV or .xlsx."""
    arms: dict[str, str] = Field(default_factory=dict)
    """By arm of the data: the arm of the plan. Arms of the same name need no entry."""
    reads: str = ""
    """The analyte of the data that is the primary endpoint, where its name does not tell."""
    event_is: int | None = None
    """Survival: the code of an event, where the file is unclear."""
    sheet: str = ""
    """Of a workbook; the first where empty."""
    time_unit: Literal["", "days", "weeks"] = ""
    """Of the times, where the file does not name it."""


def compare_registered(request: RegisteredRequest, *, library: Library | None = None) -> Bundle[JudgedPlan]:
    """Say which predictions of a registered plan held.

    Nothing is simulated: what was predicted stands in the plan, so a model that has changed since changes nothing.

    Parameters
    ----------
    request
        Which data, and which plan.
    library
        For the words that files use; the default one where None.

    Raises
    ------
    InvalidValueError
        If the plan was changed after it was registered, the data lack an arm that it compares, or they are of another
        kind than its endpoint.
    LibraryError
        If the file of the plan is none.
    """
    plan = Registration.read(request.plan)
    found = analyze(request.data, event=request.event_is, sheet=request.sheet, library=library)
    timed = plan.endpoint.day is None
    wanted = "survival" if timed else "readings"
    if found.kind != wanted:
        raise InvalidValueError(
            f'"{request.data.name}" holds {found.kind}, and the primary endpoint of the plan is '
            f"{plan.endpoint.title}{'' if timed else f' on day {plan.endpoint.day:g}'}: a file of {wanted} is needed."
        )
    rows = times_in_days(found, plan.endpoint.follow_up, request.time_unit)
    arms = _all_arms(request, plan, rows)
    outcome: Mapping[str, Draw]
    if timed:
        outcome = survival_outcome(rows, arms, plan.endpoint.follow_up)
    else:
        outcome = reading_outcome(_of_the_endpoint(request, plan, rows), arms, plan.endpoint)
    judgment = judge(plan, outcome)
    notes = [f"Compared: {', '.join(f'{mine} with {theirs}' for mine, theirs in arms.items())}.", *found.notes]
    if found.simulated:
        notes.append("The data themselves are simulated by GVLab: this holds the model to itself.")
    notes += [f"Not as registered: {words}" for words in judgment.deviations]
    lines = [each.in_words() for each in judgment.judged]
    about = f"Registered {plan.registered_at}, SHA-256 {plan.sha256}"
    return Bundle(
        request,
        judgment,
        heading=(plan.title, f"{about}. Hold this hash against the one that was deposited on that day."),
        lines=(*notes, *lines),
        summary=judgment.summary,
        tables={"judgment.csv": Table(judgment.table(), (about,))},
        data={"judgment.json": _document(request, plan, judgment, notes)},
        contents={"judgment.csv, judgment.json": "every prediction, what was seen, and whether it held"},
    )


def _all_arms(request: RegisteredRequest, plan: Registration, rows: pd.DataFrame) -> dict[str, str]:
    """Return the arm of the plan for each arm of the data; every arm that is compared must be there."""
    compared = plan.compared_arms()
    in_data = list(dict.fromkeys(rows["arm"].astype(str)))
    matched = match_arms(in_data, list(plan.arms), request.arms)
    lacking = [arm for arm in compared if arm not in matched.values()]
    if lacking:
        open_ = [arm for arm in in_data if arm not in matched]
        hint = ""
        if open_:
            hint = f', or call the arm so in the file (gvlab compare takes --map "{open_[0]}={lacking[0]}")'
        raise InvalidValueError(
            f'"{request.data.name}" lacks {", ".join(lacking)}, which the registered plan compares. It holds: '
            f"{', '.join(in_data)}. Add the animals{hint}."
        )
    return {mine: theirs for mine, theirs in matched.items() if theirs in compared}


def _of_the_endpoint(request: RegisteredRequest, plan: Registration, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the readings of the planned analyte, in the unit of the plan."""
    end, held = plan.endpoint, list(dict.fromkeys(rows["analyte"].astype(str)))
    known = {plain_name(name) for name in end.known_as}
    mine = [request.reads] if request.reads else [name for name in held if plain_name(name) in known]
    if len(mine) != 1 or mine[0] not in held:
        raise InvalidValueError(
            f'"{request.data.name}" holds {", ".join(held)}; which of them is {end.title}, the primary endpoint, is '
            f'not plain. Call it so in the file (gvlab compare takes --reads "{held[0]}").'
        )
    own = rows[rows["analyte"].astype(str) == mine[0]]
    written = str(own["unit"].iloc[0])
    if end.counted or written == end.unit:
        return own
    try:
        values = units.convert(own["value"].to_numpy(dtype=np.float64), units.check_unit(written), end.unit)
    except UnitError as error:
        raise InvalidValueError(
            f'"{mine[0]}" is in "{written}", and the plan in {end.unit}: {error} Name the unit in the file.'
        ) from error
    return own.assign(value=values)


def _document(request: RegisteredRequest, plan: Registration, judgment: JudgedPlan, notes: list[str]) -> dict[str, Any]:
    return {
        "plan": request.plan.name,
        "plan_sha256": plan.sha256,
        "registered_at": plan.registered_at,
        "data": request.data.name,
        "held": judgment.count("held"),
        "did_not_hold": judgment.count("did not hold"),
        "cannot_be_judged": judgment.count("cannot be judged"),
        "predictions": [
            {
                "predicted": each.predicted,
                "observed": each.observed if np.isfinite(each.observed) else None,
                "verdict": each.verdict,
                "why": each.why,
            }
            for each in judgment.judged
        ],
        "notes": notes,
    }
