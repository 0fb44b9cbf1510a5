"""The schema of a finding: a published statement, as comparisons whose outcome is a number.

What must come out stands in the record, as numbers, before anything is simulated; `gvlab.findings.rule` holds it
against what came out, and says what each verdict means.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gvlab.library.fields import Identifier, Record, Text, Words

Role = Literal[
    "structure",
    "calibrate",
    "hold-out",
    "seen",
    "constraint",
    "challenge",
    "report-only",
    "prediction",
    "open-question",
    "context",
    "extension",
    "virtual-cohort",
]
"""What a statement may be used for; hold-outs are never fitted. One that was looked at while the structure was chosen
is `seen`: it does not decide either, and is no hold-out any more."""

Direction = Literal["up", "down", "unchanged", "above", "below", "within"]


class Published(Record):
    """What the source says."""

    direction: Text
    magnitude: Text = "unknown"


class Group(Record):
    """Which subjects of the arm are read: those for whom an endpoint holds on a day, or the others."""

    name: Text
    """What a reader calls them: "responders"."""
    endpoint: Identifier
    """An endpoint of the library."""
    by: str
    """A day: "day 182"."""
    holds: bool = True
    """Whether it holds for them, or not."""


class Measure(Record):
    """What is compared: the share of an endpoint by a day, or a readout on a day."""

    endpoint: Identifier | None = None
    """An endpoint of the library; the share of subjects that it counts (alive, cured, dead of a cause) on `at`."""
    readout: Identifier | None = None
    """An output of the model, read ideally from the subjects alive on `at`; the effect is a ratio of medians."""
    at: str
    """A day: "day 9"."""
    group: Group | None = None
    """Of a readout: which subjects are read; all where None."""
    analysis: Literal["by_intention", "as_registry"] = "by_intention"
    """Of an endpoint. As a registry has it, a patient counts in the arm of what he lived to be given (`not_given` of
    the arms), and arms are compared as different patients."""

    @model_validator(mode="after")
    def _one(self) -> Measure:
        if (self.endpoint is None) == (self.readout is None):
            raise ValueError('a measure has either "endpoint" or "readout"')
        if self.group is not None and self.readout is None:
            raise ValueError("only a readout is read in a group of subjects; an endpoint is a share of all")
        if self.analysis == "as_registry" and self.endpoint is None:
            raise ValueError('"analysis" is of an endpoint; a readout is read in whom it is read')
        return self


class Expectation(Record):
    """What must come out.

    The effect is a difference of shares for an endpoint and a ratio for a readout. `up` and `down` need the effect
    beyond none, by `at_least` (a difference, or a fold change above 1 in either direction). `unchanged` needs the
    interval within `bounds`. `above` and `below` judge the arm's own share or reading against `at_least`, `within`
    against `bounds`, such as a published interval.
    """

    direction: Direction
    at_least: float | None = Field(default=None, gt=0)
    bounds: tuple[float, float] | None = None
    rank: Literal["first"] | None = None
    """With `up`: the arm is held against the best of the others, once, and not against each."""
    why: Text
    """Why this size: the paper's effect sizes are not known, so each threshold is a choice that must be seen."""

    @model_validator(mode="after")
    def _complete(self) -> Expectation:
        bounded = self.direction in ("unchanged", "within")
        if bounded != (self.bounds is not None):
            raise ValueError('"unchanged" and "within" need "bounds", and only they have them')
        if self.rank is not None and self.direction != "up":
            raise ValueError(f'"rank: {self.rank}" goes with "direction: up": the arm is the highest of all')
        if bounded == (self.at_least is not None):
            raise ValueError(f'"{self.direction}" must {"not " if self.bounds else ""}have "at_least"')
        if self.bounds is not None and not self.bounds[0] < self.bounds[1]:
            low, high = self.bounds
            raise ValueError(f'"bounds" go from the lower to the upper one, not from {low:g} to {high:g}')
        return self


class Significance(Record):
    """The test that the experiment would be judged by, and how often it must succeed at that number of animals."""

    test: Literal["log-rank", "mann-whitney", "welch"]
    """Welch compares logarithms."""
    n: int = Field(ge=2)
    """Per arm."""
    n_status: Literal["stated", "assumed"]
    alpha: float = Field(default=0.05, gt=0, lt=1)
    probability: float = Field(default=0.8, gt=0, le=1)


class Comparison(Record):
    """One comparison of an experiment."""

    arm: str
    versus: Words = ()
    """Arms it is held against, each in turn; none for `above` and `below`."""
    versus_at: str | None = None
    """Hold the arm against itself on another day."""
    systems: Words = ()
    """Of the experiment's systems; all when empty."""
    measure: Measure
    expect: Expectation
    significance: Significance | None = None
    counts: bool = True
    """Whether it enters the verdict. In a finding that is stated, a comparison that is only remembered does not."""

    @model_validator(mode="after")
    def _sides(self) -> Comparison:
        alone = self.expect.direction in ("above", "below", "within")
        if alone == bool(self.versus or self.versus_at):
            raise ValueError(
                'only "above", "below" and "within" judge an arm alone; others need "versus" or "versus_at"'
            )
        if self.versus and self.versus_at:
            raise ValueError('give either "versus" or "versus_at"')
        if self.measure.group is not None and self.versus:
            raise ValueError(
                'a group is held against itself on another day, with "versus_at"; other arms have other groups'
            )
        if self.expect.rank is not None and (len(self.versus) < 2 or self.measure.endpoint is None):
            raise ValueError('a rank is of the share of an endpoint, against two other arms at least as "versus"')
        if self.expect.rank is not None and self.significance is not None:
            raise ValueError('a rank over several arms has no test of two; leave "significance" out')
        if self.arm in self.versus:
            raise ValueError(f'"{self.arm}" is held against itself; name another arm, or another day as "versus_at"')
        return self

    @model_validator(mode="after")
    def _sizes(self) -> Comparison:
        least, bounds = self.expect.at_least, self.expect.bounds
        if self.measure.endpoint is not None:
            for number in (least, *(bounds or ())):
                if number is not None and abs(number) > 1:
                    raise ValueError(
                        f"{number:g} is no share, nor a difference of shares; did you mean {number / 100:g}?"
                    )
        elif bounds is not None and bounds[0] <= 0:
            raise ValueError(f"bounds of a ratio are above 0, not {bounds[0]:g}; no change is a ratio of 1")
        elif least is not None and self.expect.direction in ("up", "down") and least <= 1:
            raise ValueError(
                f'"at_least" of a readout is a fold change above 1 in either direction, not {least:g}; '
                '"down" by at least 2 is a half or less'
            )
        return self

    @model_validator(mode="after")
    def _test(self) -> Comparison:
        if self.significance is None:
            return self
        test, share = self.significance.test, self.measure.endpoint is not None
        if (test == "log-rank") != share:
            kind, fitting = ("a share", "log-rank") if share else ("a reading", "mann-whitney or welch")
            raise ValueError(f'{kind} is not tested by "{test}"; write {fitting}')
        if self.expect.direction not in ("up", "down"):
            raise ValueError(
                f'"{self.expect.direction}" has no test of a difference; leave "significance" out: the interval decides'
            )
        if share and self.versus_at:
            raise ValueError('an arm has no log-rank test against itself on another day; leave "significance" out')
        return self


class FindingRecord(Record):
    """A published statement, as something checkable."""

    id: Annotated[str, Field(pattern=r"^C\d\d$")]
    """Number of the claim."""
    statement: Text
    source: str = ""
    """Keys of references.bib, joined with ";"; empty when it is only remembered."""
    locator: Text = "unknown"
    system: Text
    """In what the source saw it."""
    confidence: Text
    evidence_status: Text
    role: Role
    looked_at: bool = False
    """Whether it was looked at while the structure was chosen, though its role is another than `seen`."""
    published: Published
    experiment: str = ""
    comparisons: tuple[Comparison, ...] = ()
    cannot_say: Text = ""
    """Why the model cannot speak to it; then there are no comparisons."""
    one_with: Words = ()
    """Claims that read what follows the same variable of the model in the same arms: they are one test of it."""
    by_construction: Text = ""
    """Why the model could not answer otherwise, whatever its numbers; such a verdict is no test of it."""
    note: Text = ""

    @model_validator(mode="after")
    def _speaks_or_not(self) -> FindingRecord:
        if bool(self.comparisons) == bool(self.cannot_say):
            raise ValueError('a finding has either "comparisons" or the reason "cannot_say"')
        if self.comparisons and not self.experiment:
            raise ValueError('comparisons need an "experiment"')
        return self

    @property
    def seen(self) -> bool:
        """Whether it was looked at while the structure was chosen, so that meeting it is no prediction."""
        return self.looked_at or self.role == "seen"

    @property
    def source_keys(self) -> tuple[str, ...]:
        """Keys of references.bib."""
        return tuple(key.strip() for key in self.source.split(";") if key.strip())
