"""What a plan answers to the questions of registries of animal studies, and a paragraph for the ethics form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from gvlab.library.registry_record import Answer, RegistryRecord
from gvlab.planning.arrive import products_in_words, randomization_in_words, shams_in_words, unit_in_words
from gvlab.planning.dates import date_of
from gvlab.planning.plan import Plan
from gvlab.planning.protocol_details import TO_FILL, ProtocolDetails, agents_of
from gvlab.planning.registration import RegistryAnswer, RegistryForm
from gvlab.planning.sham import sham_doses


def registry_forms(records: Mapping[str, RegistryRecord], answers: Mapping[Answer, str]) -> dict[str, RegistryForm]:
    """Return the form of each registry, in its order; what a plan cannot know is marked as to be filled in."""
    return {
        name: RegistryForm(
            title=record.title,
            address=record.address,
            order_and_words=" ".join(part for part in (f"{record.verification}.", record.note) if part),
            fields=tuple(
                RegistryAnswer(asks=each.asks, answer=answers.get(each.answer) or TO_FILL) for each in record.fields
            ),
        )
        for name, record in records.items()
    }


def answers_of(
    plan: Plan,
    per_arm: int,
    details: ProtocolDetails,
    *,
    predicted: Sequence[str],
    strata: Mapping[str, float],
    start: dt.date | None,
    version: str,
) -> dict[Answer, str]:
    """Return what a plan can say, by what is asked; "" where it does not know.

    Parameters
    ----------
    plan, per_arm
        What is planned, with how many.
    details
        What the laboratory has said.
    predicted
        Sentences on what is predicted.
    strata
        Of the randomization.
    start
        Date of day 0.
    version
        Of GVLab.
    """
    experiment, comparison = plan.experiment, plan.comparison
    sizes = plan.sizes(per_arm)
    total = sum(sizes.values())
    stay = round(total * (1 - plan.attrition.dropout))
    doses = " ".join(f"{arm.name}: {arm.protocol.in_words()}" for arm in experiment.arms)
    others = [name for name in (*experiment.endpoints, *experiment.assays) if name != comparison.endpoint]
    compared = "; ".join(each.in_words() for each in plan.comparisons)
    prediction = f"Predicted by simulation: {' '.join(predicted)}"
    randomized = randomization_in_words(plan.layout, strata)
    titles = {name: dose.agent_definition.title for name, dose in agents_of(experiment).items()}
    return {
        "": "",
        "title": experiment.title,
        "short_title": experiment.name,
        "start_date": date_of(start, 0),
        "end_date": date_of(start, experiment.last_day),
        "status": "Not started",
        "stage": "Confirmatory: one primary endpoint, test and number of animals are fixed beforehand.",
        "hypothesis": f"{experiment.title}. Compared: {compared}. {prediction}",
        "interventions": "; ".join(titles.values()),
        "primary_outcome": f"{comparison.what_in_words()}; followed to day {comparison.follow_up(experiment):g}.",
        "secondary_outcomes": ", ".join(name.replace("_", " ") for name in others),
        "system": experiment.system.title,
        "animals": details.animals,
        "health": details.health,
        "housing": details.housing,
        "design": f"{experiment.system.title}. Day 0 is the {experiment.system.time_zero}. {doses}",
        "sample_size": (
            f"By simulation with GVLab {version}, {plan.replicates} repetitions of each size. "
            f"{' '.join(plan.in_words())} "
            f"{' '.join(line.strip() for line in plan.at_in_words(per_arm)) if per_arm in plan.nominal.n else ''}"
        ).strip(),
        "sum_of_animals": f"{total} at the start, of which about {stay} are expected to be analyzed",
        "arms": "; ".join(f"{arm.name} ({sizes[arm.name]})" for arm in experiment.arms),
        "experimental_unit": unit_in_words(plan.layout),
        "randomization": randomized,
        "blinding": details.blinding,
        "placebo": ("Yes. " if sham_doses(experiment) else "") + shams_in_words(plan),
        "exclusion": details.exclusion,
        "procedures": f"{doses} {products_in_words(plan, details)}".strip(),
        "humane_endpoints": details.humane(experiment),
        "severity": details.severity,
        "statistics": f"{compared}; level {plan.alpha:g} of the tests together, exact or by permutation.",
        "prediction": prediction,
    }


def ethics_paragraph(answers: Mapping[Answer, str], plan: Plan, sets: int, version: str) -> str:
    """Return a paragraph for the form of an ethics committee.

    Parameters
    ----------
    answers
        As `answers_of` gives them.
    plan
        What is planned.
    sets
        Plausible parameter sets that were asked.
    version
        Of GVLab.
    """
    over = (
        f"and under {sets} further parameter sets that agree with what is published"
        if sets
        else "with the nominal parameters alone, so that its uncertainty is understated"
    )
    return (
        f"We ask: {plan.experiment.title}. The primary outcome is {answers['primary_outcome']} "
        f"Groups: {answers['arms']}; {answers['sum_of_animals']}. The number of animals and the outcome were "
        f"computed before the study with GVLab {version}, a mechanistic model of the disease, {over}; the plan and "
        "what it predicts are registered, and the data will be held to it. "
        f"{answers['prediction']} The model may be wrong: that is what the study tests, and a prediction that fails is "
        f"reported as such. Randomization: {answers['randomization']} Blinding: {answers['blinding'] or TO_FILL}. "
        f"Severity: {answers['severity'] or TO_FILL}. Humane endpoints: {answers['humane_endpoints']}."
    )
