"""The ARRIVE 2.0 "Essential 10" of a plan: what the plan knows is filled in, the rest is left blank and marked.

Items after Percie du Sert et al. (2020) PLoS Biol 18:e3000410, in our own words (from memory, unverified).
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gvlab.planning.animals import AnimalCount
from gvlab.planning.layout import Layout
from gvlab.planning.plan import Plan
from gvlab.planning.protocol_details import TO_FILL, ProtocolDetails, agents_of
from gvlab.planning.sham import sham_doses

COLUMNS = ("item", "what to report", "status", "this plan")

AFTERWARDS = "after the study"
"""Marks what is known only then."""

PLANNED, IN_PART = "planned", "in part"


def arrive_table(
    plan: Plan,
    sizes: Mapping[str, int],
    *,
    animals: AnimalCount | None = None,
    details: ProtocolDetails | None = None,
    strata: Mapping[str, float] | None = None,
    version: str,
) -> pd.DataFrame:
    """Return the table, filled in as far as a plan can.

    Parameters
    ----------
    plan
        The plan.
    sizes
        Animals of each arm that are to be used.
    animals
        All animals, counted whole.
    details
        What a laboratory has said of its protocol.
    strata
        Of the randomization.
    version
        Of GVLab.

    Returns
    -------
    Columns `COLUMNS`; `status` is `PLANNED`, `IN_PART`, `TO_FILL` or `AFTERWARDS`; `this plan` is "" for the last two.
    """
    experiment, comparison, layout = plan.experiment, plan.comparison, plan.layout
    said = details or ProtocolDetails()
    arms = "; ".join(f"{arm.name} ({sizes[arm.name]})" for arm in experiment.arms)
    doses = " ".join(f"{arm.name}: {arm.protocol.in_words()}" for arm in experiment.arms)
    others = [name for name in (*experiment.endpoints, *experiment.assays) if name != comparison.endpoint]
    compared = "; ".join(each.in_words() for each in plan.comparisons)
    also = f"; also {_listed(others)}" if others else ""
    total = sum(sizes.values())
    rows: list[tuple[str, str, str | None]] = [
        ("1a Study design", "Groups compared, with controls", f"{arms}. Compared: {compared}."),
        ("1b Study design", "Experimental unit", unit_in_words(layout)),
        (
            "2a Sample size",
            "Units in each group and in all",
            f"{arms}: {total} in {len(experiment.arms)} arms. "
            + (animals.in_words() if animals else f"Donors and controls: {TO_FILL}."),
        ),
        (
            "2b Sample size",
            "How it was decided",
            f"By simulation with GVLab {version}: {plan.replicates} repetitions for each number of animals, drawn from "
            f"{plan.subjects} virtual animals per arm, seed {plan.seed}. {' '.join(plan.in_words())}",
        ),
        ("3a Inclusion and exclusion", "Criteria set in advance, for animals and for readings", said.exclusion),
        ("3b Inclusion and exclusion", "What was excluded in each group, and why", None),
        ("3c Inclusion and exclusion", "Exact n of each analysis", None),
        ("4a Randomization", "Whether and how", randomization_in_words(layout, strata)),
        (
            "4b Randomization",
            "How confounders are kept small",
            f"Every cage takes animals of all weights, and {_spread(layout)}. Order of treatment and of measurement, "
            "and "
            f"places of cages: {_or_fill(said.order)}.",
        ),
        (
            "5 Blinding",
            "Who knew the groups, at each stage",
            f"Animals carry codes without meaning; the key is for whoever prepares the doses. {shams_in_words(plan)} "
            "Who is blinded "
            f"at allocation, treatment, assessment and analysis: {_or_fill(said.blinding)}.",
        ),
        (
            "6a Outcomes",
            "Every outcome, defined",
            f"{comparison.what_in_words()}{also}. Humane endpoint: {said.humane(experiment)}.",
        ),
        (
            "6b Outcomes",
            "The primary outcome",
            f"{comparison.what_in_words()}: it decided the number of animals.",
        ),
        (
            "7a Statistics",
            "Method and software of each analysis",
            f"Primary: {comparison.test_in_words()}{_family(plan)} at alpha {plan.alpha:g}, exact or by permutation. "
            f"Software: {_or_fill(said.software)}.",
        ),
        ("7b Statistics", "How assumptions are checked, and what is done if they fail", said.assumptions),
        (
            "8a Animals",
            "Species, strain, sex, age, weight",
            f"System: {experiment.system.title}. Sex, age, weight, substrain, supplier: {_or_fill(said.animals)}.",
        ),
        ("8b Animals", "Provenance, health and immune status, genotype, earlier procedures", said.health),
        (
            "9a Procedures",
            "What was done, how, with what",
            f"{doses} {products_in_words(plan, said)} Severity: {_or_fill(said.severity)}.",
        ),
        (
            "9b Procedures",
            "When and how often",
            f"As in the calendar; day 0 is the {experiment.system.time_zero}. "
            f"Time of day: {_or_fill(said.time_of_day)}.",
        ),
        ("9c Procedures", "Where, with housing and acclimatization", said.housing),
        (
            "9d Procedures",
            "Why",
            f"Question: {experiment.title}. Reasons for each procedure: {_or_fill(said.reasons)}.",
        ),
        ("10a Results", "Summary and variability of each group", None),
        ("10b Results", "Effect size with its interval", None),
    ]
    return pd.DataFrame([(item, what, _status(text), text or "") for item, what, text in rows], columns=list(COLUMNS))


def unit_in_words(layout: Layout) -> str:
    """Return what the experimental unit is."""
    if layout.cages == "unit":
        return f"The cage of {layout.cage_size}: it is treated as a whole and holds one arm."
    return "The single animal: each is treated by itself, and arms share cages as listed."


def randomization_in_words(layout: Layout, strata: Mapping[str, float] | None) -> str:
    """Return how animals come into their arms."""
    within = f" within strata ({', '.join(strata)})" if strata else ""
    what = "Whole cages are allotted" if layout.cages == "unit" else "Animals are allotted in permuted blocks"
    return (
        f"{what}{within}, the arms in proportion, by a list made by GVLab before the study; the list and its key are "
        "separate files, and the seed stands in the key."
    )


def _spread(layout: Layout) -> str:
    if layout.cages == "unit":
        return "arms are spread evenly over weights"
    return f"arms are spread evenly over weights and over cages of {layout.cage_size}"


def shams_in_words(plan: Plan) -> str:
    """Return what stands in place of an agent that an arm lacks."""
    if not sham_doses(plan.experiment):
        return "Every arm gets the same agents."
    return "Arms that lack an agent get its vehicle or a sham, on the same days, in the same volume."


def _family(plan: Plan) -> str:
    return f", {len(plan.comparisons)} comparisons by Holm's procedure" if len(plan.comparisons) > 1 else ""


def products_in_words(plan: Plan, details: ProtocolDetails) -> str:
    """Return formulation and volume of each agent, marked where one is missing."""
    found = []
    for agent, dose in agents_of(plan.experiment).items():
        if dose.agent_definition.record.kind == "irradiation":
            continue
        mine = details.agents.get(agent)
        parts = (
            _or_fill(mine.formulation if mine else ""),
            _or_fill(mine.volume if mine else ""),
            details.concentration(dose),
        )
        found.append(f"{dose.agent_definition.title}: {', '.join(part for part in parts if part)}")
    return f"Formulation and volume: {'; '.join(found)}." if found else ""


def _or_fill(text: str) -> str:
    return text.rstrip(".") or TO_FILL


def _listed(names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def _status(text: str | None) -> str:
    if text is None:
        return AFTERWARDS
    if not text:
        return TO_FILL
    return IN_PART if TO_FILL in text else PLANNED
