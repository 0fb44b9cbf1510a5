"""What came of the arms, as two tables: one row an arm, one row a comparison of an arm with the first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gvlab import notebook
from gvlab.arrays import Array, Bool, Float, Int

if TYPE_CHECKING:
    from gvlab.experiment.results import Results
    from gvlab.simulation import Trajectories
    from gvlab.statistics import SurvivalCurve

NOT_REACHED = math.inf
"""The median day of death where less than half of an arm has died."""


@dataclass(frozen=True)
class ArmSummary:
    """What came of an arm.

    Attributes
    ----------
    arm
        Its name.
    n
        Subjects that were followed to the last day or to their death.
    failed
        Subjects that could not be solved.
    dead
        By cause, in words: how many.
    alive
        On the last day.
    median
        Day by which half of them had died (Kaplan-Meier); infinite where they had not.
    """

    arm: str
    n: int
    failed: int
    dead: dict[str, int]
    alive: int
    median: float


@dataclass(frozen=True)
class ComparisonSummary:
    """An arm against another.

    Attributes
    ----------
    arm, versus
        Their names.
    measure
        What the effect is, in words, with its unit.
    effect, lower, upper
        With its 95 % interval; NaN where there is nothing to compare.
    p_value
        Of the test; NaN where there is none.
    test
        Name of the test.
    """

    arm: str
    versus: str
    measure: str
    effect: float
    lower: float
    upper: float
    p_value: float
    test: str


@dataclass(frozen=True)
class Summary:
    """What came of an experiment.

    Attributes
    ----------
    arms, comparisons
        In the order of the experiment.
    causes
        Every cause of death that was seen, in words.
    last_day
        The last day.
    """

    arms: tuple[ArmSummary, ...]
    comparisons: tuple[ComparisonSummary, ...]
    causes: tuple[str, ...]
    last_day: float

    def arm_table(self) -> tuple[tuple[str, ...], list[tuple[notebook.Cell, ...]]]:
        """Return header and rows of the table of arms."""
        some_failed = any(arm.failed for arm in self.arms)
        header = (
            "arm",
            "n",
            *(f"died of {cause}" for cause in self.causes),
            "median survival (days)",
            f"alive on day {self.last_day:g}",
        )
        rows: list[tuple[notebook.Cell, ...]] = [
            (
                arm.arm,
                arm.n,
                *(arm.dead.get(cause, 0) for cause in self.causes),
                "not reached" if math.isinf(arm.median) else f"{arm.median:.4g}",
                f"{arm.alive} ({100 * arm.alive / arm.n:.0f} %)" if arm.n else "–",
                *((arm.failed,) if some_failed else ()),
            )
            for arm in self.arms
        ]
        return (*header, "not solved") if some_failed else header, rows

    def comparison_table(self) -> tuple[tuple[str, ...], list[tuple[notebook.Cell, ...]]]:
        """Return header and rows of the table of comparisons."""
        measures = dict.fromkeys(each.measure for each in self.comparisons)
        one = len(measures) == 1
        header = ("arm", "against", *(measures if one else ("what", "difference")), "95 % interval", "p", "test")
        rows: list[tuple[notebook.Cell, ...]] = []
        for each in self.comparisons:
            known = math.isfinite(each.effect)
            rows.append(
                (
                    each.arm,
                    each.versus,
                    *(() if one else (each.measure,)),
                    f"{each.effect:+.3g}" if known else "–",
                    f"{each.lower:.3g} to {each.upper:.3g}" if known else "–",
                    f"{each.p_value:.2g}" if math.isfinite(each.p_value) else "–",
                    each.test,
                )
            )
        return header, rows

    def _repr_html_(self) -> str:
        return notebook.card("What came of the arms", "", self.html())

    def html(self) -> str:
        """Return both tables for a notebook."""
        parts = [notebook.table(*self.arm_table())]
        if self.comparisons:
            parts.append(notebook.table(*self.comparison_table()))
        return "".join(parts)


def summarize(results: Results) -> Summary:
    """Return what came of every arm, and of each compared with the first.

    Where anybody died, arms are compared by survival: the difference of mean survival until the last day, and the
    log-rank test. Where nobody did, by each output on the last day: the shift (Hodges-Lehmann) and the Mann-Whitney
    test. With many virtual subjects a small effect has a small p-value; look at the effect.
    """
    endpoints = results.experiment.library.read_all("endpoints").values()
    known = {event: words for endpoint in endpoints for event, words in endpoint.causes.items()}
    deaths = {arm: _deaths(results, run, known) for arm, run in results.runs.items()}
    curves = {arm: _curve(each) for arm, each in deaths.items()}
    causes = tuple(dict.fromkeys(cause for _, _, named in deaths.values() for cause in named if cause))
    last = results.experiment.last_day
    arms = []
    for arm, run in results.runs.items():
        duration, dead, named = deaths[arm]
        counts = {cause: int(np.sum(named == cause)) for cause in causes}
        died = int(dead.sum())
        arms.append(
            ArmSummary(
                arm,
                len(duration),
                int((~run.ok).sum()),
                {cause: count for cause, count in counts.items() if count},
                len(duration) - died,
                _median(curves[arm]),
            )
        )
    first, *others = results.arms
    comparisons: list[ComparisonSummary] = []
    for arm in others:
        if causes:
            both = (deaths[arm], deaths[first]), (curves[arm], curves[first])
            comparisons.append(_survival((arm, first), *both, last))
        else:
            comparisons += [_shift(results, output, arm, first, last) for output in results.runs[first].outputs]
    return Summary(tuple(arms), tuple(comparisons), causes, last)


Deaths = tuple[Float[Array, "subject"], Bool[Array, "subject"], Array]
OtherDeaths = tuple[Float[Array, "other_subject"], Bool[Array, "other_subject"], Array]
"""Of an arm that may have another number of subjects."""


def _deaths(results: Results, run: Trajectories, known: Mapping[str, str]) -> Deaths:
    """Return for each solved subject until when it was followed, whether it died then, and of what, in words.

    Who dies before day 0 is no subject of the study, as in `endpoint_times`.
    """
    model = results.experiment.model
    events = [event for event in model.deaths if event in run.event_ids]
    times = np.array([run.first(event) for event in events]).reshape(len(events), len(run))
    titles = np.array(["", *(known.get(event, model.title(event)) for event in events)], dtype=object)
    which: Int[Array, "subject"] = np.argmin(times, axis=0) + 1 if events else np.zeros(len(run), dtype=np.int64)
    dead = np.isfinite(times).any(axis=0) if events else np.zeros(len(run), dtype=bool)
    named = titles[np.where(dead, which, 0)]
    ok = run.ok & (run.end_times >= 0)
    return run.end_times[ok], dead[ok], named[ok]


def _curve(deaths: Deaths) -> SurvivalCurve | None:
    """Return the Kaplan-Meier curve of an arm; None where nobody was solved."""
    from gvlab.statistics import kaplan_meier

    return kaplan_meier(deaths[0], deaths[1]) if len(deaths[0]) else None


def _median(curve: SurvivalCurve | None) -> float:
    if curve is None or not curve.columns["events"].any():
        return NOT_REACHED
    return float(curve.median().value)


def _survival(
    arms: tuple[str, str],
    deaths: tuple[Deaths, OtherDeaths],
    curves: tuple[SurvivalCurve | None, SurvivalCurve | None],
    last: float,
) -> ComparisonSummary:
    from gvlab.statistics import logrank
    from gvlab.statistics.survival import restricted_mean_difference_of

    (arm, versus), (mine, other) = arms, deaths
    measure = f"difference of mean survival until day {last:g} (days)"
    if curves[0] is None or curves[1] is None or not (mine[1].any() or other[1].any()):
        return ComparisonSummary(arm, versus, measure, math.nan, math.nan, math.nan, math.nan, "")
    mean = restricted_mean_difference_of(curves[0], curves[1], last)
    duration = np.concatenate([mine[0], other[0]])
    event = np.concatenate([mine[1], other[1]]).astype(np.int64)
    group = np.repeat([0, 1], [len(mine[0]), len(other[0])])
    test = logrank(duration, event, group)
    return ComparisonSummary(arm, versus, measure, mean.value, mean.lower, mean.upper, test.p_value, "log-rank")


def _shift(results: Results, output: str, arm: str, versus: str, last: float) -> ComparisonSummary:
    from gvlab.statistics import hodges_lehmann, mann_whitney

    run = results.runs[versus]
    measure = f"{run.about[output]['title']} on day {last:g} ({run.unit(output)})"
    values = [results.reading(output, last, name) for name in (arm, versus)]
    a, b = (column[np.isfinite(column)] for column in values)
    if len(a) < 2 or len(b) < 2:
        return ComparisonSummary(arm, versus, measure, math.nan, math.nan, math.nan, math.nan, "")
    shift, test = hodges_lehmann(a, b), mann_whitney(a, b)
    return ComparisonSummary(arm, versus, measure, shift.value, shift.lower, shift.upper, test.p_value, "Mann-Whitney")
