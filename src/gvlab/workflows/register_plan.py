"""Write a plan down before the animals: what is compared, with how many, and what is predicted of it."""

from __future__ import annotations

import datetime as dt
import json
from importlib import metadata

from gvlab.errors import InvalidValueError
from gvlab.experiment.text import ExperimentFile
from gvlab.library.registry_record import RegistryRecord
from gvlab.planning.dates import parse_date
from gvlab.planning.design_sheet import PLAN_MARK
from gvlab.planning.plan import Plan
from gvlab.planning.predictions import predicted_tests, predictions_of
from gvlab.planning.registration import (
    RegisteredComparison,
    RegisteredEndpoint,
    RegisteredLook,
    Registration,
)
from gvlab.planning.registry_answers import answers_of, ethics_paragraph, registry_forms
from gvlab.provenance import sha256, versions
from gvlab.subject.parameter_set import ParameterSet
from gvlab.workflows.bundle import Bundle
from gvlab.workflows.defaults import PLAN_SETS
from gvlab.workflows.plan_experiment import PlanRequest
from gvlab.workflows.plausible_sets import plausible_sets


def register_plan(bundle: Bundle[Plan], *, now: dt.datetime | None = None) -> Registration:
    """Return a plan as it is registered, with what is predicted of it; `Registration.write` writes it.

    Parameters
    ----------
    bundle
        What `plan_experiment` returned.
    now
        Date and time of the registration; those of the clock where None.

    Raises
    ------
    InvalidValueError
        If no number of animals was found: then there is no experiment to predict.
    """
    request, plan = bundle.request, bundle.found
    assert isinstance(request, PlanRequest)
    per_arm = plan.chosen
    if per_arm is None:
        raise InvalidValueError(
            "No number of animals tried is enough, so there is no plan to register. Name one: --per-arm 10."
        )
    experiment, version = plan.experiment, metadata.version("gvlab")
    predictions, left_out = predictions_of(plan, per_arm)
    tests = predicted_tests(plan, per_arm)
    sets = plausible_sets(request.ensemble, request.sets, PLAN_SETS, experiment.system)[0]
    content = Registration(
        mark=PLAN_MARK,
        registered_at=(now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        experiment=experiment.name,
        title=experiment.title,
        system=experiment.system.name,
        design=ExperimentFile(experiment).to_dict(),
        arms={arm.name: arm.protocol.in_words() for arm in experiment.arms},
        endpoint=_endpoint(plan),
        comparisons=tuple(RegisteredComparison(arm=each.arm, versus=each.versus) for each in plan.comparisons),
        alpha=plan.alpha,
        require=plan.layout.require,
        cages=plan.layout.cages,
        interim=_look(plan),
        animals=plan.sizes(per_arm),
        attrition=plan.attrition.dropout,
        engraftment_failure=plan.attrition.engraftment_failure,
        predictions=predictions,
        tests=tests,
        not_predicted=left_out,
        seed=plan.seed,
        model_sha256=experiment.model.sha256,
        parameters_sha256=experiment.system.parameters().sha256,
        animals_sha256=ParameterSet().cohort(experiment.system, plan.subjects, plan.seed).sha256,
        sets=len(plan.plausible),
        sets_sha256=_sets_hash(sets) if plan.plausible else "",
        versions=versions(),
        registries={},
        ethics="",
    )
    answers = answers_of(
        plan,
        per_arm,
        request.details,
        predicted=content.predicted_in_brief(),
        strata=request.strata,
        start=parse_date(request.start),
        version=version,
    )
    records: dict[str, RegistryRecord] = experiment.library.read_all("registries")
    return content.model_copy(
        update={
            "registries": registry_forms(records, answers),
            "ethics": ethics_paragraph(answers, plan, len(plan.plausible), version),
        }
    )


def _endpoint(plan: Plan) -> RegisteredEndpoint:
    experiment, comparison = plan.experiment, plan.comparison
    unit, title, known_as = "", comparison.endpoint.replace("_", " "), [comparison.endpoint]
    if comparison.assay:
        record = experiment.library.read("assays", comparison.assay)
        analyte = next(each for each in record.analytes if each.name == comparison.endpoint)
        unit, title = analyte.unit, analyte.title
        known_as += [f"{comparison.assay}.{analyte.name}", analyte.title]
        if len(record.analytes) == 1:
            known_as.append(comparison.assay)
    elif comparison.day is None or comparison.share:
        title = experiment.library.read("endpoints", comparison.endpoint).title
        known_as.append(title)
    else:
        unit = experiment.model.unit(comparison.endpoint)
    return RegisteredEndpoint(
        name=comparison.endpoint,
        title=title,
        assay=comparison.assay,
        day=comparison.day,
        counted=comparison.share,
        unit=unit,
        known_as=tuple(dict.fromkeys(known_as)),
        follow_up=comparison.follow_up(experiment),
        alternative=comparison.alternative,
        test=comparison.test_in_words(),
    )


def _look(plan: Plan) -> RegisteredLook | None:
    look, levels = plan.layout.interim, plan.levels
    if look is None or levels is None:
        return None
    return RegisteredLook(day=look.day, share=look.share, first=levels.first, last=levels.last)


def _sets_hash(sets: tuple[ParameterSet, ...]) -> str:
    return sha256(json.dumps([dict(sorted(each.values.items())) for each in sets]))
