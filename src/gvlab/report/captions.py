"""Captions and summaries, generated, so that no figure goes without design, n, seed, version and the word simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from gvlab.report.content import EVIDENCE, VERDICTS


@dataclass(frozen=True)
class Origin:
    """Where the data of a figure come from.

    Attributes
    ----------
    design
        System and arms in a sentence: "C57BL/6 donors into BALB/c with WEHI-3B FLT3-ITD, four arms."
    n
        Subjects by arm, or one number for all.
    seed
        Seed of the cohort.
    model_version
        Version of model and package.
    assumed
        What of the design is assumed because the paper does not say.
    simulated
        False for real data.
    """

    design: str
    n: Mapping[str, int] | int
    seed: int | None
    model_version: str
    assumed: str = ""
    simulated: bool = True

    def in_words(self) -> str:
        """Return the sentences that end every caption."""
        parts = [_sentence(self.design), _sentence(self._numbers())]
        if self.assumed:
            parts.append(_sentence(f"Assumed: {self.assumed}"))
        if self.simulated:
            made = f"Simulated by GVLab, model {self.model_version}"
            parts.append(_sentence(made if self.seed is None else f"{made}, seed {self.seed}"))
        return " ".join(part for part in parts if part)

    def _numbers(self) -> str:
        who = "virtual subjects" if self.simulated else "subjects"
        if isinstance(self.n, int):
            return f"n = {self.n} {who} per arm"
        if len(set(self.n.values())) == 1:
            return f"n = {next(iter(self.n.values()))} {who} per arm"
        return "n = " + ", ".join(f"{count} ({arm})" for arm, count in self.n.items()) + f" {who}"


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    return text if text[-1] in ".!?" else f"{text}."


def survival_caption(
    origin: Origin,
    *,
    versus: str,
    time_zero: str = "transplantation",
    outcome: str = "survival",
    powered_at: int | None = None,
) -> str:
    """Caption a figure of `gvlab.figures.survival`."""
    test = "p: log-rank, two-sided."
    if powered_at is not None:
        test = (
            f"Log-rank: how often {powered_at} subjects per arm, drawn from these, would differ with p < 0.05; "
            "a p-value of many virtual subjects would say nothing."
        )
    return (
        f"Kaplan-Meier estimates of {outcome}; ticks are censored subjects and time 0 is {time_zero}. Medians with "
        f"95 % intervals (log-log; NR: not reached). HR: hazard ratio against {versus} by Cox's partial likelihood "
        f"(Efron), by profile likelihood where one arm has all the events. {test} Numbers at risk at the start of each "
        f"interval. {origin.in_words()}"
    )


def timecourse_caption(
    origin: Origin, *, what: str, unit: str, band: tuple[float, float] = (0.1, 0.9), floor: float | None = None
) -> str:
    """Caption a figure of `gvlab.figures.timecourse`."""
    below = f" Values below the limit of detection, {floor:g} {unit}, are drawn at it." if floor is not None else ""
    named = f"{what[:1].upper()}{what[1:]}" + (f" ({unit})" if unit else "")
    return (
        f"{named} over time: median of the subjects alive (thick), their "
        f"{100 * band[0]:g} to {100 * band[1]:g} % band, and single subjects (thin). A curve ends when fewer than a "
        f"quarter of its arm is left.{below} {origin.in_words()}"
    )


def groups_caption(
    origin: Origin,
    *,
    what: str,
    unit: str,
    compared: bool = True,
    powered_at: int | None = None,
    shown: int | None = None,
) -> str:
    """Caption a figure of `gvlab.figures.groups`.

    Parameters
    ----------
    origin
        Where the data come from.
    what, unit
        What was read; "" where it has no unit or names it.
    compared
        Whether brackets with p-values are drawn.
    powered_at
        Where brackets say how often this many subjects would differ significantly, instead of a p-value.
    shown
        How many subjects of each arm are drawn, where not all are.
    """
    test = " p: Mann-Whitney, two-sided, adjusted by Holm for the comparisons shown." if compared else ""
    if powered_at is not None:
        test = (
            f" Percentage: how often {powered_at} subjects per arm, drawn from all, would differ with p < 0.05 "
            "(Mann-Whitney, two-sided)."
        )
    every = "every subject" if shown is None else f"the first {shown} of each arm's subjects"
    named = f"{what[:1].upper()}{what[1:]}" + (f" ({unit})" if unit else "")
    return f"{named}: {every} a mark, the line the median, whiskers the quartiles.{test} {origin.in_words()}"


def incidence_caption(origin: Origin, *, time_zero: str = "transplantation") -> str:
    """Caption a figure of `gvlab.figures.cumulative_incidences`."""
    return (
        "Cumulative incidence of causes of death as competing risks (Aalen-Johansen, stacked); numbers at the right "
        f"are percent at the end of follow-up; time 0 is {time_zero}. {origin.in_words()}"
    )


def axis_caption(origin: Origin, *, when: str, control: str, weights: bool = True) -> str:
    """Caption a figure of `gvlab.figures.axis_diagram`.

    Parameters
    ----------
    origin
        Where the data come from.
    when, control
        What is shown ("day 9 in the treated arm"), and what changes are measured against.
    weights
        Whether widths of edges say how strongly each acts; where they do not, color and factor are the change of what
        an edge acts on.
    """
    drawn = (
        "the width of an edge is its strength relative to the strongest, color and factor its change"
        if weights
        else "color and factor are the change of what an edge acts on"
    )
    return (
        f"The regulatory axis on {when}. Arrows activate, bars inhibit; {drawn} against {control} (orange more, blue "
        f"less, gray within a tenth). Dashed and crossed edges are switched off. {origin.in_words()}"
    )


def verdict_counts(verdicts: pd.DataFrame) -> dict[str, int]:
    """Count verdicts, in the order of `VERDICTS`."""
    return {verdict: int((verdicts["verdict"] == verdict).sum()) for verdict in VERDICTS}


def verdict_summary(verdicts: pd.DataFrame) -> str:
    """Return a paragraph on how many claims are reproduced, and what that is worth.

    Claims that were used to build or calibrate the model are told apart from those held out: reproducing the former
    shows only that the model could be fitted. Those that were looked at while the structure was chosen are neither.
    """
    counts = verdict_counts(verdicts)
    total = len(verdicts)
    if total == 0:
        return "No claim was judged."
    spoken = total - counts["cannot say"]
    first = (
        f"Of {total} published claims the model speaks to {spoken}: {counts['reproduced']} reproduced, "
        f"{counts['partly']} partly, {counts['not']} not. On {counts['cannot say']} it cannot say anything."
    )
    first += _seen(verdicts[verdicts["role"].astype(str) == "seen"])
    held_out = verdicts[verdicts["role"].astype(str).str.startswith("hold-out")]
    if held_out.empty:
        return f"{first} None of the claims was held out, so agreement shows only that the model could be fitted."
    spoken_out = held_out[held_out["verdict"] != "cannot say"]
    good = int((spoken_out["verdict"] == "reproduced").sum())
    return (
        f"{first} {len(held_out)} claims were held out and never used to set a parameter; of the {len(spoken_out)} of "
        f"them that the model speaks to, it reproduces {good}."
    )


def _seen(verdicts: pd.DataFrame) -> str:
    if verdicts.empty:
        return ""
    good = int((verdicts["verdict"] == "reproduced").sum())
    return (
        f" {len(verdicts)} claims were looked at while the structure of the model was chosen, and are neither fitted "
        f"nor held out; it reproduces {good} of them."
    )


def roles_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Count verdicts by role of the claims, roles in order of first appearance."""
    roles: Sequence[str] = list(dict.fromkeys(verdicts["role"].astype(str)))
    rows = []
    for role in roles:
        of_role = verdicts[verdicts["role"].astype(str) == role]
        rows.append({"role": role, "claims": len(of_role), **verdict_counts(of_role)})
    return pd.DataFrame(rows, columns=["role", "claims", *VERDICTS])


def evidence_summary(parameters: pd.DataFrame) -> str:
    """Return a sentence on what the numbers of the model rest on."""
    total = len(parameters)
    if total == 0:
        return "No parameters are listed."
    counts = parameters["evidence"].value_counts()
    parts = ", ".join(f"{counts[kind]} {kind}" for kind in EVIDENCE if kind in counts)
    memory = int(parameters["verification"].astype(str).str.contains("memory").sum())
    recalled = f" {memory} come from memory and were not verified in their source; they are marked." if memory else ""
    return f"Of {total} parameters {parts}.{recalled}"
