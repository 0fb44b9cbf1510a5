"""The part of a report that says which conclusions hold over all plausible parameter sets, and which rest on some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gvlab.calibration import Ensemble
from gvlab.findings.robustness import EnsembleVerdict, Robustness, robust_and_open
from gvlab.report.content import Picture, ReportTable, Section
from gvlab.subject.plausible import parts
from gvlab.views import Key, Share, Style, View, ViewRecipe, shares_view

CHALLENGES = ("challenge",)
_FEW = 6
"""Searches whose shares are given one by one."""


def ensemble_section(
    found: Sequence[EnsembleVerdict], ensemble: Ensemble, subjects: int, unsolved: str = ""
) -> Section:
    """Write the section.

    Parameters
    ----------
    found
        What the ensemble says of each finding.
    ensemble
        The sets that were asked.
    subjects
        Virtual subjects of a set in each arm.
    unsolved
        How many sets could not be solved, in words.
    """
    shown = [verdict for verdict in found if verdict.reproduced is not None]
    about = ensemble.about
    caption = (
        f"{len(ensemble)} plausible parameter sets (worth about {ensemble.effective:.0f} independent ones), {subjects} "
        "virtual subjects in each arm, the same in all sets. Points: share of the sets that reproduce the claim; "
        "lines: 95 % interval. Dashed: 80 and 95 %. Gray claims decided which sets were kept, so theirs "
        f"is no test. Ticks: {_parts_in_words(ensemble)}. Simulated."
    )
    figure = Picture(
        "ensemble-shares",
        "Claims over plausible parameter sets",
        (claims_view([shares_row(verdict) for verdict in shown], len(ensemble)),),
        caption,
    )
    return Section(
        "ensemble",
        "Which conclusions are robust, and which rest on assumptions",
        (*in_words(found), *([unsolved] if unsolved else []), *_made(about)),
        (figure,),
        (
            ReportTable(
                "What the ensemble says of each claim",
                pd.DataFrame([_table_row(verdict) for verdict in shown]),
                "A set reproduces a claim when direction, size and probability of significance at the stated number of "
                "animals are as its record asks.",
                folded=True,
            ),
        ),
    )


TONES = {"all": "arm-8", "some": "arm-6", "none": "arm-3"}
"""Tone of a claim by whether it decided which sets were kept."""

_WORDS = {"all": "decided which sets were kept", "some": "decided in part", "none": "did not decide: a prediction"}


def claims_view(rows: Sequence[Mapping[str, Any]], sets: int) -> View:
    """Return the share of plausible sets that reproduces each claim.

    Parameters
    ----------
    rows
        One a claim: ``claim, statement, share, lower, upper, by_search, decided`` (all, some, none).
    sets
        How many were asked.
    """
    decided = dict.fromkeys(str(row["decided"]) for row in rows)
    return shares_view(
        [
            Share(
                f"{row['claim']} {row['statement']}",
                100 * row["share"],
                100 * row["lower"],
                100 * row["upper"],
                TONES[str(row["decided"])],
                tuple(100 * share for share in row["by_search"]),
            )
            for row in rows
        ],
        title="Claims over plausible parameter sets",
        label="Plausible sets that reproduce it",
        summary=f"Share of {sets} plausible parameter sets that reproduces each of {len(rows)} claims.",
        lines=(80.0, 95.0),
        keys=[Key(_WORDS[name], Style(TONES[name]), "point") for name in decided],
        width=680.0,
        recipe=ViewRecipe(),
    )


def shares_row(verdict: EnsembleVerdict) -> dict[str, Any]:
    """Return what a figure needs of a verdict."""
    assert verdict.reproduced is not None
    return {
        "claim": verdict.record.id,
        "statement": verdict.record.statement,
        "share": verdict.reproduced.value,
        "lower": verdict.reproduced.lower,
        "upper": verdict.reproduced.upper,
        "by_search": verdict.by_search,
        "decided": verdict.used_for_calibration,
    }


def in_words(found: Sequence[EnsembleVerdict]) -> tuple[str, ...]:
    """Return what is robust, what is open, and what the model says to facts that the simple story fails."""
    tested = [
        verdict
        for verdict in found
        if verdict.used_for_calibration == "none" and verdict.record.role not in CHALLENGES and not verdict.record.seen
    ]
    seen = [verdict for verdict in found if verdict.record.seen and verdict.reproduced is not None]
    groups = robust_and_open(tested)
    lines = []
    for robustness, sentence in (
        (Robustness.ROBUST, "Robust predictions (at least 95 % of plausible sets): {}."),
        (Robustness.MOSTLY, "Mostly robust (80 to 95 %): {}."),
        (Robustness.OPEN, "Resting on assumptions (20 to 80 %): {}."),
        (Robustness.NOT, "Not supported (fewer than 20 %): {}."),
    ):
        if groups[robustness]:
            lines.append(sentence.format(", ".join(groups[robustness])))
    if seen:
        shares = ", ".join(
            f"{each.record.id} ({100 * each.reproduced.value:.0f} %)" for each in seen if each.reproduced
        )
        lines.append(f"Looked at while the structure was chosen, so neither fitted nor held out: {shares}.")
    for verdict in (*tested, *seen):
        if verdict.robustness in (Robustness.OPEN, Robustness.NOT):
            lines.append(f"{verdict.record.id}, {verdict.record.statement}: {verdict.reason}.")
    lines += [
        f"A challenge to the model, {verdict.record.id}: {verdict.record.statement}. {_to_challenge(verdict)}"
        for verdict in found
        if verdict.record.role in CHALLENGES
    ]
    return tuple(lines)


def _to_challenge(verdict: EnsembleVerdict) -> str:
    if verdict.reproduced is None:
        return verdict.record.cannot_say
    return f"{100 * verdict.reproduced.value:.0f} % of plausible sets reproduce it; {verdict.reason}."


def _made(about: object) -> tuple[str, ...]:
    if not isinstance(about, dict) or "sets_tried" not in about:
        return ()
    return (
        f"The sets were found among {about['sets_tried']:,} that were tried, all inside the ranges of the parameter "
        f"tables; {about['prior_draws_accepted']} of {about['prior_draws']:,} random draws from those ranges meet "
        "every claim that decides. Claims with the role hold-out never decide.",
    )


def _table_row(verdict: EnsembleVerdict) -> dict[str, str]:
    estimate = verdict.reproduced
    assert estimate is not None
    return {
        "claim": verdict.record.id,
        "role": verdict.record.role,
        "sets that reproduce it": f"{100 * estimate.value:.0f} % ({100 * estimate.lower:.0f} to "
        f"{100 * estimate.upper:.0f})",
        "in each part": in_each(verdict.by_search),
        "partly": f"{100 * verdict.partly:.0f} %",
        "conclusion": f"{verdict.robustness}{' (decided)' if verdict.used_for_calibration == 'all' else ''}",
        "why": verdict.reason,
    }


def _parts_in_words(ensemble: Ensemble) -> str:
    each = "each independent search by itself"
    return each if parts(ensemble.search) is ensemble.search else "each quarter of the independent searches by itself"


def in_each(shares: Sequence[float]) -> str:
    """Return the share in each part; once where it is the same in all, and a range where they are many."""
    printed = [f"{100 * share:.0f}" for share in shares]
    if len(set(printed)) == 1:
        return f"{printed[0]} % in all {len(printed)}"
    if len(printed) <= _FEW:
        return f"{', '.join(printed)} %"
    return f"{100 * min(shares):.0f} to {100 * max(shares):.0f} %, median {100 * float(np.median(shares)):.0f} %"
