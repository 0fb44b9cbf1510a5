"""The panels below the result: why, how many mice, own data. Each is made when its tab is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from markupsafe import Markup

from gvlab.errors import GVLabError
from gvlab.experiment.edge_evidence import edge_evidence
from gvlab.experiment.why import THIRD
from gvlab.simulation.cancel import CancelToken
from gvlab.views import svg, table_html
from gvlab.views.why import why_view
from gvlab.web.laboratory import Answer
from gvlab.web.own_data import DataAnswer
from gvlab.web.state import BenchState
from gvlab.web.templates import render

TITLES = {"result": "Result", "why": "Why?", "plan": "How many mice?", "data": "Your data"}
"""Tabs, and what a reader calls them."""

EXPLAINED = 12
"""Edges of which a page tells what they rest on; all that carry a third of the difference, in our models."""

PLAN_SUBJECTS, PLAN_SETS = 400, 8
"""Virtual animals and plausible sets that a page asks; `gvlab design` asks more."""


def tabs_part(state: BenchState) -> str:
    """Return the row of tabs."""
    return render("tabs.html.j2", tabs=list(TITLES.items()), here=state.look.tab)


def panel_parts(answer: Answer, cancel: CancelToken | None = None) -> Mapping[str, str]:
    """Return the open panel."""
    make = _PANELS.get(answer.state.look.tab)
    return {"panel": make(answer, cancel) if make is not None else ""}


def data_parts(said: DataAnswer | None, error: str = "") -> Mapping[str, str]:
    """Return what own data say, or why they cannot be read."""
    picture = Markup(svg(said.view, width=520.0, id="p-data")) if said is not None and said.view is not None else ""
    table = Markup(table_html(said.view)) if said is not None and said.view is not None else ""
    return {"data-answer": render("data_answer.html.j2", said=said, picture=picture, table=table, error=error)}


def _why(answer: Answer, cancel: CancelToken | None) -> str:
    state = answer.state
    arms = [arm.name for arm in state.experiment.arms]
    arm = state.look.arm or arms[-1]
    others = [name for name in arms if name != arm]
    versus = state.look.versus if state.look.versus in others else next(reversed(others), "")
    if not versus:
        return render("why.html.j2", arms=[], versus="", error="There is one arm; copy it, and change the copy.")
    try:
        found = answer.results.why(arm, versus, cancel=cancel)
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
        picture=Markup(svg(view, width=620.0, id="p-why")),
        table=Markup(table_html(view)),
        # The sentences stand above the picture already.
        caption=" ".join((*view.notes, view.recipe.in_words())),
        carrying=[(share, edge_evidence(share.edge, system, library)) for share in carrying],
    )


def _plan(answer: Answer, cancel: CancelToken | None) -> str:
    from gvlab.workflows.plan_experiment import PlanRequest, plan_experiment

    state, experiment = answer.state, answer.state.experiment
    library = experiment.library
    known = experiment.name in library.names("experiments")
    if not known or experiment != type(experiment).read(experiment.name, experiment.system.name, library):
        why = (
            "A plan is made of an experiment as the library has it; this one was changed. Press Start again, or plan "
            "your own with `gvlab design`."
        )
        return render("plan.html.j2", error=why, bundle=None, context="")
    try:
        request = PlanRequest(
            experiment=experiment.name, system=experiment.system.name, arm=state.look.arm, versus=state.look.versus,
            subjects=PLAN_SUBJECTS, sets=PLAN_SETS, randomization_seed=0, seed=state.seed,
        )  # fmt: skip
        bundle = plan_experiment(request, library=library, cancel=cancel)
    except GVLabError as error:
        if cancel is not None and cancel.cancelled:
            raise
        return render("plan.html.j2", error=str(error), bundle=None, context="")
    context = f"{PLAN_SUBJECTS} virtual animals an arm, {PLAN_SETS} plausible parameter sets; gvlab design asks more."
    return render("plan.html.j2", error="", bundle=bundle, context=context)


def _data(answer: Answer, cancel: CancelToken | None) -> str:
    return render("data.html.j2", arms=[arm.name for arm in answer.state.experiment.arms])


_PANELS: Mapping[str, Callable[[Answer, CancelToken | None], str]] = {"why": _why, "plan": _plan, "data": _data}
