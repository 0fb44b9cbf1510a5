"""The plan of what is shown: how many animals, written down before them, and held to what came of them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from gvlab.errors import GVLabError, InvalidValueError
from gvlab.library import Library
from gvlab.simulation.cancel import CancelToken
from gvlab.views import View, svg, table_html
from gvlab.web.laboratory import Answer
from gvlab.web.own_file import own_file
from gvlab.web.state import BenchState
from gvlab.web.templates import render

if TYPE_CHECKING:
    from gvlab.planning.judgment import JudgedPlan
    from gvlab.planning.plan import Plan
    from gvlab.planning.registration import Registration
    from gvlab.workflows.bundle import Bundle

PLAN_SUBJECTS, PLAN_SETS, PLAN_REPLICATES = 400, 8, 1600
"""Virtual animals, plausible sets and drawn experiments of each size that a page asks; `gvlab design` asks more."""

REGISTER = "register"
"""The button that writes a plan down; it changes nothing of the experiment."""


def plan_of(state: BenchState, cancel: CancelToken | None = None) -> Bundle[Plan]:
    """Return the plan of what is shown: the chosen arm against the one it is compared with.

    Raises
    ------
    InvalidValueError
        If the experiment is not as the library has it, or cannot be planned.
    CancelledError
        If it was cancelled.
    """
    from gvlab.workflows.plan_experiment import PlanRequest, plan_experiment

    experiment = state.experiment
    library = experiment.library
    known = experiment.name in library.names("experiments")
    if not known or experiment != type(experiment).read(experiment.name, experiment.system.name, library):
        raise InvalidValueError(
            "A plan is made of an experiment as the library has it; this one was changed. Press Start again, or plan "
            "your own with `gvlab design`."
        )
    request = PlanRequest(
        experiment=experiment.name, system=experiment.system.name, arm=state.look.arm, versus=state.look.versus,
        subjects=PLAN_SUBJECTS, sets=PLAN_SETS, replicates=PLAN_REPLICATES, randomization_seed=0, seed=state.seed,
    )  # fmt: skip
    return plan_experiment(request, library=library, cancel=cancel)


def power_view_of(state: BenchState, cancel: CancelToken | None = None) -> View:
    """Return the power of the plan of what is shown; errors as `plan_of`."""
    from gvlab.workflows.plan_files import power_of

    return power_of(plan_of(state, cancel).found)


def registration_of(bundle: Bundle[Plan]) -> Registration:
    """Return a plan as it is registered, now, with what it predicts.

    Raises
    ------
    InvalidValueError
        If no number of animals is enough, so that there is no experiment to predict.
    """
    from gvlab.workflows.register_plan import register_plan

    if bundle.found.chosen is None:
        raise InvalidValueError(
            "No number of animals tried is enough, so there is no plan to register. Choose other arms, or name a "
            "number: `gvlab design --per-arm 10 --register FILE`."
        )
    return register_plan(bundle)


def judged_plan(plan: bytes, name: str, content: bytes, library: Library) -> Bundle[JudgedPlan]:
    """Return which predictions of a registered plan held.

    Parameters
    ----------
    plan
        The content of its file.
    name, content
        Of the file with the outcome; the ending of its name says what it is.
    library
        For the words that files use.

    Raises
    ------
    InvalidValueError
        As `compare_registered`, with the reader's own name of the file.
    """
    from gvlab.workflows.compare_registered import RegisteredRequest, compare_registered

    with own_file(name, content) as data, own_file("the registered plan.json", plan) as written:
        return compare_registered(RegisteredRequest(plan=written, data=data), library=library)


def plan_panel(answer: Answer, cancel: CancelToken | None = None, register: bool = False) -> str:
    """Return the panel *How many mice?*; where it is asked for, with the plan as it was registered just now."""
    from gvlab.workflows.plan_files import power_of

    try:
        bundle = plan_of(answer.state, cancel)
    except GVLabError as error:
        if cancel is not None and cancel.cancelled:
            raise
        return render("plan.html.j2", error=str(error), bundle=None, context="")
    context = (
        f"{PLAN_SUBJECTS} virtual animals an arm, {len(bundle.found.plausible)} plausible parameter sets, "
        f"{PLAN_REPLICATES:,} experiments of each size; gvlab design asks more."
    )
    view = power_of(bundle.found)
    return render(
        "plan.html.j2", error="", bundle=bundle, context=context, view=view,
        picture=Markup(svg(view, width=460.0)), table=Markup(table_html(view)),
        **(_registered(bundle) if register else {"registered": None, "refused": ""}),
    )  # fmt: skip


def _registered(bundle: Bundle[Plan]) -> Mapping[str, object]:
    try:
        found = registration_of(bundle)
    except GVLabError as error:
        return {"registered": None, "refused": str(error)}
    # The file travels within the page: what is downloaded is what is said here, and nothing of it stays on the server.
    file = base64.b64encode(found.to_json().encode()).decode()
    return {"registered": found, "refused": "", "file": file}
