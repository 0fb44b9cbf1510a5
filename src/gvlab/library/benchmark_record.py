"""The schema of clinical benchmarks: published outcomes of a setting, that a population of patients is held against."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gvlab.library.fields import Identifier, Record, Sourced, Text, Titled

SURVIVAL, FALLING = "survival", "falling"
"""Outcomes that are no event of the model."""


class Setting(Record):
    """What is counted in whom: shares of patients in arms, the day from which they count, an outcome by a day."""

    id: str
    title: Text
    arms: dict[str, float] = Field(min_length=1)
    """Share of the patients in each arm of the set; they add up to 1."""
    outcome: Identifier
    """"survival", "falling" (the burden is below what it was on day 0), or an event of the set."""
    day: float = Field(gt=0)
    """The day by which it is counted."""
    from_day: float = Field(default=0.0, ge=0)
    """Those alive on this day are counted."""

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if min(self.arms.values()) <= 0 or abs(sum(self.arms.values()) - 1) > 1e-9:
            raise ValueError(f'the arms of "{self.id}" have shares above zero that add up to 1')
        if self.from_day >= self.day:
            raise ValueError(f'"{self.id}" counts from day {self.from_day:g} to day {self.day:g}')
        return self


class Benchmark(Setting, Sourced):
    """One published outcome of a setting."""

    value: float = Field(ge=0, le=1)
    """The published share."""
    n: int = Field(ge=1)
    """Patients."""
    spread: float = Field(default=0.0, ge=0)
    """Standard deviation of the share between studies, beyond the luck of n patients."""
    use: Literal["calibrate", "hold-out", "context"]


class BenchmarkArm(Record):
    """A treatment: doses of the system, by name."""

    doses: tuple[str, ...] = Field(min_length=1)


class BenchmarkSet(Titled, Sourced):
    """Benchmarks of one system of patients."""

    system: Identifier
    prior: Identifier | None = None
    """The population that calibration begins with; the system's own where None."""
    until: str
    hazards: tuple[Identifier, ...] = Field(min_length=1)
    """Cumulative hazards of death; survival is the exponential of minus their sum."""
    falls: Identifier
    """The output that "falling" is about."""
    extinct: tuple[Identifier, ...] = ()
    """Probabilities that a clone is extinct; all must be for a cure."""
    extinction_draws: tuple[Identifier, ...] = ()
    """The draws that decide whether a clone dies out; they are integrated over."""
    fixed: dict[Identifier, float] = Field(default_factory=dict)
    """Other draws, set to what takes their luck out: nobody dies, and the middle number of founders is given."""
    arms: dict[str, BenchmarkArm] = Field(min_length=1)
    benchmarks: tuple[Benchmark, ...] = Field(min_length=1)
    predictions: tuple[Setting, ...] = ()
    """What is told of the calibrated population, with an interval over calibrations; nothing is published of it."""

    @model_validator(mode="after")
    def _known_arms(self) -> Self:
        ids = [row.id for row in self.settings]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f'two benchmarks are called "{twice[0]}"')
        for row in self.settings:
            if row.from_day > 0 and row.outcome == FALLING:
                raise ValueError(f'"{row.id}" asks for a burden below that of day 0; it counts from day 0')
            for arm in row.arms:
                if arm not in self.arms:
                    raise ValueError(f'"{row.id}" is of an arm "{arm}" that the set does not have')
        return self

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Benchmarks and predictions."""
        return (*self.benchmarks, *self.predictions)
