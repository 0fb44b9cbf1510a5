"""Findings: what simulated experiments say of published statements."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gvlab import library, units
from gvlab.errors import InvalidValueError
from gvlab.experiment.results import Results
from gvlab.findings.judge import (
    Fates,
    Outcome,
    combine,
    compare_readings,
    compare_shares,
    judge_share,
)
from gvlab.findings.rule import Verdict
from gvlab.library.finding_record import Comparison, FindingRecord
from gvlab.model.model import Model

SURVIVAL = "overall_survival"
"""The endpoint that a log-rank test is of."""

Runs = Mapping[tuple[str, str], Results]
"""Results by name of experiment and of system."""


@dataclass(frozen=True)
class Judged:
    """One comparison in one system against one arm.

    Attributes
    ----------
    system
        Name of the system.
    comparison
        What was asked.
    versus
        The arm it was held against, a day, or "" for a bound.
    outcome
        What came of it.
    """

    system: str
    comparison: Comparison
    versus: str
    outcome: Outcome

    @property
    def measured(self) -> str:
        """What was measured, in words."""
        measure = self.comparison.measure
        if measure.readout is not None:
            return f"{Model.default().title(measure.readout)} on {measure.at}"
        return f"{library.read('endpoints', str(measure.endpoint)).title} on {measure.at}"

    def in_words(self) -> str:
        """Say arm, comparator and effect with its interval."""
        against = f" against {self.versus}" if self.versus else ""
        return f"{self.measured}, {self.comparison.arm}{against}: {effect_in_words(self.outcome)}"


@dataclass(frozen=True)
class JudgedFinding:
    """A published statement and what the model says of it.

    Attributes
    ----------
    record
        The statement.
    verdict
        Over all comparisons and systems.
    comparisons
        Each of them.
    """

    record: FindingRecord
    verdict: Verdict
    comparisons: tuple[Judged, ...]

    @property
    def reason(self) -> str:
        """Why this verdict, in a sentence."""
        if self.record.cannot_say:
            return self.record.cannot_say
        entering = [judged for judged in self.comparisons if judged.comparison.counts]
        counts = Counter(judged.outcome.verdict for judged in entering)
        total = len(entering)
        if self.verdict is Verdict.REPRODUCED:
            return f"all {total} comparisons" if total > 1 else entering[0].outcome.reason
        worst = next(
            judged
            for verdict in (Verdict.NOT, Verdict.CANNOT_SAY, Verdict.PARTLY)
            for judged in entering
            if judged.outcome.verdict is verdict
        )
        tally = f"{counts[Verdict.REPRODUCED]} of {total} comparisons reproduced; " if total > 1 else ""
        where = f" ({worst.in_words()}; {worst.system})" if total > 1 else ""
        return f"{tally}{worst.outcome.reason}{where}"

    @property
    def simulated(self) -> str:
        """What came out: the first comparison, and the span of the same comparison over systems."""
        if not self.comparisons:
            return ""
        first = self.comparisons[0]
        same = [
            judged.outcome
            for judged in self.comparisons
            if judged.comparison is first.comparison and judged.versus == first.versus and judged.outcome.effect
        ]
        if len(same) < 2:
            return first.in_words()
        values = [outcome.effect.value for outcome in same if outcome.effect]
        low = min(outcome.effect.lower for outcome in same if outcome.effect)
        high = max(outcome.effect.upper for outcome in same if outcome.effect)
        against = f" against {first.versus}" if first.versus else ""
        span = f"{_number(min(values))} to {_number(max(values))}"
        return (
            f"{first.measured}, {first.comparison.arm}{against}: {first.outcome.kind} {span} in {len(same)} systems "
            f"(intervals {_number(low)} to {_number(high)})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON; what could not be read is null."""
        return {
            "id": self.record.id,
            "statement": self.record.statement,
            "role": self.record.role,
            "verdict": str(self.verdict),
            "reason": self.reason,
            "published": self.record.published.model_dump(),
            "source": list(self.record.source_keys),
            "confidence": self.record.confidence,
            "simulated": self.simulated,
            "comparisons": [_plain(judged) for judged in self.comparisons],
        }


def effect_in_words(outcome: Outcome) -> str:
    """Say an effect with its interval."""
    if outcome.effect is None:
        return "not readable"
    effect = outcome.effect
    return f"{outcome.kind} {_number(effect.value)} ({_number(effect.lower)} to {_number(effect.upper)})"


def needed_days(findings: Iterable[FindingRecord]) -> dict[str, tuple[float, ...]]:
    """Give, for each experiment that findings need, the days on which something is read."""
    days: dict[str, set[float]] = {}
    for finding in findings:
        for comparison in finding.comparisons:
            on = days.setdefault(finding.experiment, set())
            on.add(units.day(comparison.measure.at))
            if comparison.versus_at:
                on.add(units.day(comparison.versus_at))
    return {name: tuple(sorted(each)) for name, each in sorted(days.items())}


def judge_all(runs: Runs, seed: int, findings: Iterable[FindingRecord] | None = None) -> list[JudgedFinding]:
    """Judge findings of the library by what was run; those whose experiment was not run are left out.

    Findings to which the model cannot speak are among them when every experiment was run.
    """
    records = list(library.read_all("findings").values()) if findings is None else list(findings)
    ran = {experiment for experiment, _ in runs}
    # What the model cannot speak to belongs to the whole, not to a run of one experiment.
    whole = {record.experiment for record in records if record.experiment} <= ran
    return [
        judge(record, runs, seed) for record in records if record.experiment in ran or (whole and record.cannot_say)
    ]


def judge(record: FindingRecord, runs: Runs, seed: int) -> JudgedFinding:
    """Judge one finding.

    Parameters
    ----------
    record
        The finding.
    runs
        Results of its experiment, in every system in which it was run.
    seed
        Of bootstrap and resampling; each comparison has its own stream, so findings do not depend on one another.
    """
    judged: list[Judged] = []
    for number, comparison in enumerate(record.comparisons):
        systems = comparison.systems or tuple(system for name, system in runs if name == record.experiment)
        for system in systems:
            results = runs[record.experiment, system]
            for versus in comparison.versus or (comparison.versus_at or "",):
                stream = np.random.default_rng([seed, int(record.id[1:]), number, len(judged)])
                judged.append(Judged(system, comparison, versus, _outcome(comparison, versus, results, stream)))
    return JudgedFinding(record, combine([each.outcome for each in judged if each.comparison.counts]), tuple(judged))


def _outcome(comparison: Comparison, versus: str, results: Results, rng: np.random.Generator) -> Outcome:
    measure, expect = comparison.measure, comparison.expect
    day = units.day(measure.at)
    if measure.readout is not None:
        reading = results.reading(measure.readout, day, comparison.arm)
        if comparison.versus_at:
            other = results.reading(measure.readout, units.day(comparison.versus_at), comparison.arm)
        elif comparison.versus:
            other = results.reading(measure.readout, day, versus)
        else:
            raise InvalidValueError("A readout is compared with another arm or another day.")
        return compare_readings(reading, other, expect, comparison.significance, rng)
    arm = _fates(results, str(measure.endpoint), day, comparison.arm)
    if not comparison.versus:
        return judge_share(arm, expect)
    other_arm = _fates(results, str(measure.endpoint), day, versus)
    return compare_shares(arm, other_arm, expect, comparison.significance, rng)


def _fates(results: Results, endpoint: str, day: float, arm: str) -> Fates:
    times = results.events(endpoint)
    survival = results.events(SURVIVAL).of(arm)
    return Fates(
        times.of(arm)["subject"].to_numpy(dtype=np.int64),
        times.holds_on(arm, day),
        survival["duration"].to_numpy(dtype=np.float64),
        (survival["event_observed"] == 1).to_numpy(dtype=bool),
    )


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.3g}"


def _plain(judged: Judged) -> dict[str, Any]:
    outcome = judged.outcome
    effect = outcome.effect
    return {
        "system": judged.system,
        "counts": judged.comparison.counts,
        "measured": judged.comparison.measure.model_dump(exclude_none=True),
        "arm": judged.comparison.arm,
        "versus": judged.versus,
        "expected": judged.comparison.expect.model_dump(exclude_none=True),
        "kind": outcome.kind,
        "effect": None if effect is None else _finite(effect.value),
        "lower": None if effect is None else _finite(effect.lower),
        "upper": None if effect is None else _finite(effect.upper),
        "arm_value": _finite(outcome.arm),
        "versus_value": _finite(outcome.versus),
        "subjects": outcome.subjects,
        "probability_of_significance": None if outcome.power is None else outcome.power.probability,
        "verdict": str(outcome.verdict),
        "reason": outcome.reason,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
