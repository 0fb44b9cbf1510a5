"""The panels below the result: why, how many mice, own data. Each is made when its tab is open."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from gvlab import units
from gvlab.errors import GVLabError, InvalidValueError
from gvlab.experiment.edge_evidence import edge_evidence
from gvlab.experiment.edge_flux import AxisFlux
from gvlab.experiment.why import THIRD, Why, read_on
from gvlab.simulation.cancel import CancelToken
from gvlab.views import View, axis_flux_view, svg, table_html
from gvlab.views.why import why_view
from gvlab.web.laboratory import Answer
from gvlab.web.own_data import DataAnswer
from gvlab.web.plan_panel import REGISTER, plan_panel, power_view_of
from gvlab.web.state import BenchState
from gvlab.web.templates import render

TITLES = {
    "result": "Result",
    "why": "Why?",
    "axis": "Axis",
    "assay": "Assays",
    "plan": "How many mice?",
    "data": "Your data",
}
"""Tabs, and what a reader calls them."""

EXPLAINED = 12
"""Edges of which a page tells what they rest on; all that carry a third of the difference, in our models."""

DAY = "look.day"
"""The slider of days on a panel."""

ASSAY_ANIMALS = 8
"""Animals of each arm that are read by an assay: the same ones in every arm."""

MOST_DAYS = 200
"""Stops of the slider of days."""


def tabs_part(state: BenchState) -> str:
    """Return the row of tabs."""
    return render("tabs.html.j2", tabs=list(TITLES.items()), here=state.look.tab)


def panel_parts(
    answer: Answer, cancel: CancelToken | None = None, moved: str = "", action: str = ""
) -> Mapping[str, str]:
    """Return the open panel; where its slider of days was moved, what stands below it, so that it stays in hand.

    Raises
    ------
    InvalidValueError
        If a plan is to be registered where none is shown.
    """
    tab = answer.state.look.tab
    if action == REGISTER:
        if tab != "plan":
            raise InvalidValueError(f'A plan is registered where it is shown: open "{TITLES["plan"]}" first.')
        return {"panel": plan_panel(answer, cancel, register=True)}
    if moved == DAY and tab in _ON_A_DAY:
        return {"panel-answer": _ON_A_DAY[tab](answer, cancel)}
    make = _PANELS.get(tab)
    return {"panel": make(answer, cancel) if make is not None else ""}


def why_of(answer: Answer, cancel: CancelToken | None = None) -> Why:
    """Return which edges carry the difference between the two arms that are compared.

    Raises
    ------
    InvalidValueError
        If there is one arm.
    """
    return answer.results.why(*_pair(answer.state), cancel=cancel)


def _pair(state: BenchState) -> tuple[str, str]:
    arm, _, versus = _compared(state)
    if not versus:
        raise InvalidValueError("There is one arm; copy it, and change the copy.")
    return arm, versus


def panel_views(answer: Answer, cancel: CancelToken | None = None) -> tuple[View, ...]:
    """Return the pictures of the open panel, of which files are made; none where it has no picture of a prediction."""
    match answer.state.look.tab:
        case "why":
            return (why_view(why_of(answer, cancel)),)
        case "axis":
            return (axis_flux_view(axis_of(answer, cancel)),)
        case "assay":
            return tuple(assay_of(answer, cancel))
        case "plan":
            return (power_view_of(answer.state, cancel),)
        case _:
            return ()


def data_parts(said: DataAnswer | None, error: str = "", held: str = "") -> Mapping[str, str]:
    """Return what own data say, or why they cannot be read; `held` is the number of their pictures (`ShownData`)."""
    pictures = [
        (view, Markup(svg(view, width=520.0)), Markup(table_html(view)))
        for place, view in enumerate(said.views if said is not None else ())
    ]
    return {"data-answer": render("data_answer.html.j2", said=said, pictures=pictures, error=error, held=held)}


def _compared(state: BenchState) -> tuple[str, list[str], str]:
    """Return the arm that is shown, those it can be compared with, and the one that it is ("" where it is alone)."""
    arms = [arm.name for arm in state.experiment.arms]
    arm = state.look.arm or arms[-1]
    others = [name for name in arms if name != arm]
    return arm, others, state.look.versus if state.look.versus in others else next(reversed(others), "")


def _day(state: BenchState) -> float:
    """Return the day that is looked at: the one that was chosen, or the last on which anything is given."""
    last = state.experiment.last_day
    if state.look.day:
        return min(units.day(state.look.day), last)
    return min(max((dose.times[-1] for arm in state.experiment.arms for dose in arm.protocol), default=last), last)


def _on_a_day(answer: Answer, cancel: CancelToken | None, template: str, **values: Any) -> str:
    """Return a panel with a slider of days, and below it what was found on the chosen one."""
    state = answer.state
    step = max(1, math.ceil(state.experiment.last_day / MOST_DAYS))
    days = [*range(0, int(state.experiment.last_day), step), state.experiment.last_day]
    at = int(np.argmin(np.abs(np.array(days, dtype=np.float64) - _day(state))))
    words = [f"day {each:g}" for each in days]
    _, others, versus = _compared(state)
    inner = Markup(_ON_A_DAY[state.look.tab](answer, cancel))
    return render(template, words=words, at=at, arms=others, versus=versus, answer=inner, **values)


def _axis(answer: Answer, cancel: CancelToken | None) -> str:
    return _on_a_day(answer, cancel, "axis.html.j2")


def _axis_answer(answer: Answer, cancel: CancelToken | None) -> str:
    try:
        view = axis_flux_view(axis_of(answer, cancel))
    except GVLabError as error:
        if cancel is not None and cancel.cancelled:
            raise
        return render("axis_answer.html.j2", error=str(error), view=None)
    return render(
        "axis_answer.html.j2", error="", view=view, picture=Markup(svg(view, width=view.width)),
        table=Markup(table_html(view)), caption=" ".join((*view.notes, view.recipe.in_words())),
    )  # fmt: skip


def axis_of(answer: Answer, cancel: CancelToken | None = None) -> AxisFlux:
    """Return how strongly each edge acts on the day that is looked at, in the two arms that are compared.

    Raises
    ------
    InvalidValueError
        If there is one arm.
    """
    arm, versus = _pair(answer.state)
    return answer.results.axis_flux(arm, versus, f"day {_day(answer.state)!r}", cancel=cancel)


def _assays(state: BenchState) -> dict[str, str]:
    """Return the assays that can be read, by name: what a reader calls them, those of the experiment first."""
    library = state.experiment.library
    known = {name: record.title for name, record in library.read_all("assays").items()}
    own = [name for name in state.experiment.assays if name in known]
    return {name: known[name] for name in dict.fromkeys([*own, *known])}


def _assay(answer: Answer, cancel: CancelToken | None) -> str:
    known = _assays(answer.state)
    return _on_a_day(answer, cancel, "assay.html.j2", assays=known, here=answer.state.look.assay or next(iter(known)))


def _assay_answer(answer: Answer, cancel: CancelToken | None) -> str:
    try:
        views = assay_of(answer, cancel)
    except GVLabError as error:
        if cancel is not None and cancel.cancelled:
            raise
        return render("assay_answer.html.j2", error=str(error), views=[])
    printed = [(view, Markup(svg(view, width=400.0)), Markup(table_html(view))) for place, view in enumerate(views)]
    return render("assay_answer.html.j2", error="", views=printed)


def assay_of(answer: Answer, cancel: CancelToken | None = None) -> Sequence[View]:
    """Return what the assay that is looked at reads on that day, in a few animals of every arm."""
    from gvlab.views.assays import assay_views

    state, day = answer.state, _day(answer.state)
    name = state.look.assay or next(iter(_assays(state)))
    experiment = state.experiment
    part = experiment.replace(
        arms=tuple(read_on(arm, day) for arm in experiment.arms), assays=(name,), until=f"day {max(day, 1e-9)!r}"
    )
    return assay_views(part.run(state.seed, subjects=ASSAY_ANIMALS, days=[day], cancel=cancel), name, day)


def _why(answer: Answer, cancel: CancelToken | None) -> str:
    state = answer.state
    _, others, versus = _compared(state)
    try:
        found = why_of(answer, cancel)
        view = why_view(found)
    except GVLabError as error:
        if cancel is not None and cancel.cancelled:
            raise
        return render("why.html.j2", arms=others, versus=versus, error=str(error))
    carrying = [share for share in found.shares if share.share >= THIRD][:EXPLAINED]
    system, library = state.experiment.system, state.experiment.library
    return render(
        "why.html.j2",
        arms=others,
        versus=versus,
        error="",
        sentences=found.sentences(),
        picture=Markup(svg(view, width=620.0)),
        table=Markup(table_html(view)),
        # The sentences stand above the picture already.
        caption=" ".join((*view.notes, view.recipe.in_words())),
        carrying=[(share, edge_evidence(share.edge, system, library)) for share in carrying],
    )


def _data(answer: Answer, cancel: CancelToken | None) -> str:
    return render("data.html.j2", arms=[arm.name for arm in answer.state.experiment.arms])


Panel = Callable[[Answer, CancelToken | None], str]
_PANELS: Mapping[str, Panel] = {"why": _why, "axis": _axis, "assay": _assay, "plan": plan_panel, "data": _data}
_ON_A_DAY: Mapping[str, Panel] = {"axis": _axis_answer, "assay": _assay_answer}
