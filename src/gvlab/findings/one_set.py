"""What one simulated study says of published statements: the verdict on each, and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gvlab import units
from gvlab.arrays import Array, Bool, Float
from gvlab.experiment.results import Results
from gvlab.findings import rule
from gvlab.findings.comparisons import ComparisonInSystem, comparisons_of
from gvlab.findings.estimated import (
    Fates,
    Judgment,
    compare_groups,
    compare_readings,
    compare_shares,
    judge_reading,
    judge_share,
    too_few_members,
)
from gvlab.findings.rule import Verdict
from gvlab.library.finding_record import Comparison, FindingRecord, Group

Runs = Mapping[tuple[str, str], Results]
"""Results by name of experiment and of system."""


@dataclass(frozen=True)
class JudgedComparison:
    """One comparison in one system, and what came of it.

    Attributes
    ----------
    asked
        What is compared.
    outcome
        What came of it.
    """

    asked: ComparisonInSystem
    outcome: Judgment

    @property
    def system(self) -> str:
        """Name of the system."""
        return self.asked.system

    @property
    def comparison(self) -> Comparison:
        """The comparison of the record."""
        return self.asked.record

    @property
    def versus(self) -> str:
        """The arm it was held against, a day, or "" for a bound."""
        return self.asked.versus_name

    @property
    def measured(self) -> str:
        """What was measured, in words."""
        return self.asked.measured

    def in_words(self) -> str:
        """Return arm, comparator and effect with its interval."""
        return f"{self._sides()}: {effect_in_words(self.outcome)}"

    def _sides(self) -> str:
        against = f" against {self.versus}" if self.versus else ""
        return f"{self.measured}, {self.comparison.arm}{against}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what could not be read is null."""
        outcome, effect = self.outcome, self.outcome.effect
        return {
            "system": self.system,
            "counts": self.comparison.counts,
            "measured": self.comparison.measure.model_dump(exclude_none=True),
            "arm": self.comparison.arm,
            "versus": self.versus,
            "expected": self.comparison.expect.model_dump(exclude_none=True),
            "kind": str(outcome.kind),
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
    comparisons: tuple[JudgedComparison, ...]

    @property
    def reason(self) -> str:
        """Why this verdict, in a sentence."""
        if self.record.cannot_say:
            return self.record.cannot_say
        entering = [judged for judged in self.comparisons if judged.comparison.counts]
        if not entering:
            return "none of its comparisons was run"
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
        effects = [
            judged.outcome.effect
            for judged in self.comparisons
            if judged.comparison is first.comparison and judged.versus == first.versus and judged.outcome.effect
        ]
        if len(effects) < 2:
            return first.in_words()
        values = [effect.value for effect in effects]
        low, high = min(effect.lower for effect in effects), max(effect.upper for effect in effects)
        return (
            f"{first._sides()}: {first.outcome.kind} {_number(min(values))} to {_number(max(values))} in "
            f"{len(effects)} systems (intervals {_number(low)} to {_number(high)})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what could not be read is null."""
        return {
            "id": self.record.id,
            "statement": self.record.statement,
            "role": self.record.role,
            "by_construction": self.record.by_construction,
            "verdict": str(self.verdict),
            "reason": self.reason,
            "published": self.record.published.model_dump(),
            "source": list(self.record.source_keys),
            "confidence": self.record.confidence,
            "simulated": self.simulated,
            "comparisons": [judged.to_dict() for judged in self.comparisons],
        }


def effect_in_words(outcome: Judgment) -> str:
    """Return an effect with its interval."""
    if outcome.effect is None:
        return "not readable"
    effect = outcome.effect
    return f"{outcome.kind} {_number(effect.value)} ({_number(effect.lower)} to {_number(effect.upper)})"


def needed_days(findings: Iterable[FindingRecord]) -> dict[str, tuple[float, ...]]:
    """Return, for each experiment that findings need, the days on which something is read."""
    days: dict[str, set[float]] = {}
    for finding in findings:
        for comparison in finding.comparisons:
            on = days.setdefault(finding.experiment, set())
            on.add(units.day(comparison.measure.at))
            if comparison.versus_at:
                on.add(units.day(comparison.versus_at))
    return {name: tuple(sorted(each)) for name, each in sorted(days.items())}


def judge_all(runs: Runs, seed: int, findings: Iterable[FindingRecord] | None = None) -> list[JudgedFinding]:
    """Judge findings by what was run; those whose experiment was not run are left out.

    Findings to which the model cannot speak are among them when every experiment was run.

    Parameters
    ----------
    runs
        Results of experiments.
    seed
        As in `judge_finding`.
    findings
        Those of the experiments' library where None.
    """
    if findings is None:
        libraries = [results.experiment.library for results in runs.values()]
        findings = libraries[0].read_all("findings").values() if libraries else ()
    records = list(findings)
    ran = {experiment for experiment, _ in runs}
    # What the model cannot speak to belongs to the whole, not to a run of one experiment.
    whole = {record.experiment for record in records if record.experiment} <= ran
    return [
        judge_finding(record, runs, seed)
        for record in records
        if record.experiment in ran or (whole and record.cannot_say)
    ]


def judge_finding(record: FindingRecord, runs: Runs, seed: int) -> JudgedFinding:
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
    here = {system: results for (name, system), results in runs.items() if name == record.experiment}
    judged: list[JudgedComparison] = []
    for asked in comparisons_of(record, {system: results.experiment for system, results in here.items()}):
        stream = np.random.default_rng([seed, int(record.id[1:]), asked.number, len(judged)])
        judged.append(JudgedComparison(asked, _judge(asked, here[asked.system], stream)))
    entering = [each.outcome.verdict for each in judged if each.comparison.counts]
    return JudgedFinding(record, rule.combined(entering), tuple(judged))


def _judge(asked: ComparisonInSystem, results: Results, rng: np.random.Generator) -> Judgment:
    measure, expect, significance = asked.record.measure, asked.record.expect, asked.record.significance
    # An arm is held against another on the same day, or against itself on another day.
    other = asked.record.arm if asked.record.versus_at else asked.versus_name
    if measure.group is not None:
        members, of = (
            int(members_of(results, measure.group, asked.record.arm).sum()),
            len(results.run(asked.record.arm)),
        )
        if members < rule.FEWEST:
            return too_few_members(measure.group.name, members, of, asked.record.arm, compared=asked.versus is not None)
    if measure.readout is not None:
        reading = _reading(asked, results, asked.record.arm, asked.day)
        if asked.versus is None:
            return judge_reading(reading, expect, rng)
        versus = _reading(asked, results, other, asked.versus_day)
        return compare_readings(reading, versus, expect, significance, rng)
    fates = registry_fates if measure.analysis == "as_registry" else fates_of
    arm = fates(results, str(measure.endpoint), asked.day, asked.record.arm)
    if asked.versus is None:
        return judge_share(arm, expect)
    others = asked.record.versus if expect.rank is not None else (other,)
    sides = [fates(results, str(measure.endpoint), asked.versus_day, name) for name in others]
    versus_arm = max(sides, key=lambda side: float(side.holds.mean()) if len(side.holds) else -math.inf)
    if measure.analysis == "as_registry":
        return compare_groups(arm, versus_arm, expect)
    return compare_shares(arm, versus_arm, expect, significance, rng)


def _reading(asked: ComparisonInSystem, results: Results, arm: str, day: float) -> Float[Array, "subject"]:
    """Return the readout of an arm on a day; NaN for who is not of the group that is asked about."""
    measure = asked.record.measure
    reading = results.reading(str(measure.readout), day, arm)
    if measure.group is None:
        return reading
    return np.where(members_of(results, measure.group, arm), reading, np.nan)


def members_of(results: Results, group: Group, arm: str) -> Bool[Array, "subject"]:
    """Return who of an arm is in a group of subjects."""
    times = results.events(group.endpoint)
    holds = times.holds_on(arm, units.day(group.by))
    members = times.of(arm)["subject"].to_numpy(dtype=np.int64)[holds == group.holds]
    return np.isin(np.arange(len(results.run(arm))), members)


def registry_fates(results: Results, endpoint: str, day: float, arm: str) -> Fates:
    """Return the fates of those whom a registry counts in an arm: who lived to be given what it is named after.

    Who did not counts in the arm without it, from the same clock: nobody who is given it can have died before.
    """
    record = results.experiment.library.read("experiments", results.experiment.name)
    parts = []
    for spec in record.arms:
        rule_of = spec.not_given
        if spec.name != arm and (rule_of is None or rule_of.counts_in != arm):
            continue
        fates = fates_of(results, endpoint, day, spec.name)
        if rule_of is not None:
            given = fates.duration >= units.day(results.experiment.system.doses[rule_of.dose].at)
            fates = fates.where(given if spec.name == arm else ~given)
        parts.append(fates)
    return Fates(*(np.concatenate([getattr(part, name) for part in parts]) for name in Fates.__dataclass_fields__))


def fates_of(results: Results, endpoint: str, day: float, arm: str) -> Fates:
    """Return what became of the subjects of an arm, by intention."""
    times = results.events(endpoint)
    survival = results.events(results.experiment.library.survival_endpoint()).of(arm)
    return Fates(
        times.of(arm)["subject"].to_numpy(dtype=np.int64),
        times.holds_on(arm, day),
        survival["duration"].to_numpy(dtype=np.float64),
        (survival["event_observed"] == 1).to_numpy(dtype=bool),
    )


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.3g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
