"""The ARRIVE 2.0 "Essential 10" of a plan: what the plan knows is filled in, the rest is left blank and marked.

Items after Percie du Sert et al. (2020) PLoS Biol 18:e3000410, in our own words (from memory, unverified).
"""

from __future__ import annotations

import pandas as pd

from gvlab.planning.plan import Plan

TO_FILL = "TO BE FILLED IN"
"""Marks what a plan cannot know."""

COLUMNS = ("item", "what to report", "status", "this plan")


def arrive_table(plan: Plan, per_arm: int, cage_size: int, version: str) -> pd.DataFrame:
    """Return the table, filled in as far as a plan can.

    Parameters
    ----------
    plan
        The plan.
    per_arm
        Animals per arm that are to be used.
    cage_size
        Animals in a cage.
    version
        Of GVLab.

    Returns
    -------
    Columns `COLUMNS`; `status` is "planned", "in part" or `TO_FILL`, and `this plan` is "" for the last.
    """
    experiment, comparison = plan.experiment, plan.comparison
    arms = "; ".join(arm.name for arm in experiment.arms)
    total = per_arm * len(experiment.arms)
    doses = " ".join(f"{arm.name}: {arm.protocol.in_words()}" for arm in experiment.arms)
    others = [name for name in (*experiment.endpoints, *experiment.assays) if name != comparison.endpoint]
    rows: list[tuple[str, str, str]] = [
        ("1a Study design", "Groups compared, with controls", f"{arms}. Compared: {comparison.in_words()}."),
        (
            "1b Study design",
            "Experimental unit",
            "The single animal, as long as treatment is given to each animal and arms share cages as listed.",
        ),
        (
            "2a Sample size",
            "Units in each group and in all",
            f"{per_arm} per arm, {total} in {len(experiment.arms)} arms. Donors of cells and marrow are not counted.",
        ),
        (
            "2b Sample size",
            "How it was decided",
            f"By simulation with GVLab {version}: {plan.replicates} repetitions for each number of animals, drawn from "
            f"{plan.subjects} virtual animals per arm, seed {plan.seed}. {' '.join(plan.in_words())}",
        ),
        ("3a Inclusion and exclusion", "Criteria set in advance, for animals and for readings", ""),
        ("3b Inclusion and exclusion", "What was excluded in each group, and why", ""),
        ("3c Inclusion and exclusion", "Exact n of each analysis", ""),
        (
            "4a Randomization",
            "Whether and how",
            "Permuted blocks that hold the arms in proportion, made by GVLab; the list and its key are separate files, "
            "and the seed stands in the key.",
        ),
        (
            "4b Randomization",
            "How confounders are kept small",
            f"Blocks are spread over cages of {cage_size}, so that arms share cages. Order of treatment and of "
            f"measurement, and places of cages: {TO_FILL}.",
        ),
        (
            "5 Blinding",
            "Who knew the groups, at each stage",
            "Animals carry codes without meaning; the key is for whoever prepares the doses. Who was blinded at "
            f"allocation, treatment, assessment and analysis: {TO_FILL}.",
        ),
        (
            "6a Outcomes",
            "Every outcome, defined",
            f"{comparison.endpoint}{f'; also {_listed(others)}' if others else ''}. Humane endpoint: {TO_FILL}.",
        ),
        ("6b Outcomes", "The primary outcome", f"{comparison.endpoint}: it decided the number of animals."),
        (
            "7a Statistics",
            "Method and software of each analysis",
            f"Primary: two-sided {comparison.test} test at alpha {plan.alpha:g}. Software: {TO_FILL}.",
        ),
        ("7b Statistics", "How assumptions are checked, and what is done if they fail", ""),
        (
            "8a Animals",
            "Species, strain, sex, age, weight",
            f"System: {experiment.system.title}. Sex, age, weight, substrain, supplier: {TO_FILL}.",
        ),
        ("8b Animals", "Provenance, health and immune status, genotype, earlier procedures", ""),
        ("9a Procedures", "What was done, how, with what", f"{doses} Products, vehicles, lots: {TO_FILL}."),
        (
            "9b Procedures",
            "When and how often",
            f"As in the calendar; day 0 is the {experiment.system.time_zero}. Time of day: {TO_FILL}.",
        ),
        ("9c Procedures", "Where, with housing and acclimatization", ""),
        ("9d Procedures", "Why", f"Question: {experiment.title}. Reasons for each procedure: {TO_FILL}."),
        ("10a Results", "Summary and variability of each group", ""),
        ("10b Results", "Effect size with its interval", ""),
    ]
    return pd.DataFrame([(item, what, _status(text), text) for item, what, text in rows], columns=list(COLUMNS))


def _listed(names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def _status(text: str) -> str:
    if not text:
        return TO_FILL
    return "in part" if TO_FILL in text else "planned"
