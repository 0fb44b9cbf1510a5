"""What the records of the library give of an agent: how much, and on which days. What lies beyond is marked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gvlab import units
from gvlab.errors import UnitError
from gvlab.library import Library
from gvlab.library.records import SystemDose

_SLACK = 1e-9


@dataclass(frozen=True)
class AgentUse:
    """What the records of the library give of an agent.

    Attributes
    ----------
    unit
        Of the amounts.
    low, high
        The smallest and the largest amount.
    first, last
        The earliest and the latest day on which it is given.
    assumed
        Whether every record calls its amount and days assumed.
    example
        The dose of the first record.
    """

    unit: str
    low: float
    high: float
    first: float
    last: float
    assumed: bool
    example: SystemDose

    @property
    def amounts(self) -> str:
        """The amounts in words."""
        if math.isclose(self.low, self.high):
            return f"{short(self.low)} {self.unit}"
        return f"{short(self.low)} to {short(self.high)} {self.unit}"

    def amount_beyond(self, amount: units.Quantity) -> str:
        """Return why an amount is beyond the records, in words; "" where it is not."""
        try:
            value = float(amount.to(self.unit))
        except UnitError:
            return f"no record gives it in {amount.unit}"
        if self.low * (1 - _SLACK) <= value <= self.high * (1 + _SLACK):
            return ""
        return f"records give {self.amounts}{' (assumed)' if self.assumed else ''}"

    def days_beyond(self, first: float, last: float) -> str:
        """Return why days are beyond the records, in words; "" where they are not."""
        if self.first - _SLACK <= first and last <= self.last + _SLACK:
            return ""
        days = f"day {self.first:g}" if self.first == self.last else f"day {self.first:g} to {self.last:g}"
        return f"records give it on {days}{' (assumed)' if self.assumed else ''}"


def uses(library: Library) -> Mapping[str, AgentUse]:
    """Return what the systems and experiments of a library give, by agent."""
    found: dict[str, list[SystemDose]] = {}
    for dose in _doses(library):
        found.setdefault(dose.agent, []).append(dose)
    return {agent: _use(doses) for agent, doses in found.items()}


def short(value: float) -> str:
    """Return a number as people write it: 7.5, 2e6."""
    text = f"{value:.4g}"
    if abs(value) >= 1e4:
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        text = f"{float(mantissa):g}e{int(exponent)}"
    return text


def _doses(library: Library) -> Iterator[SystemDose]:
    for system in library.read_all("systems").values():
        yield from _with_harvest(system.doses.values())
    for experiment in library.read_all("experiments").values():
        for arm in experiment.arms:
            yield from _with_harvest(dose for dose in arm.doses if isinstance(dose, SystemDose))


def _with_harvest(doses: Iterable[SystemDose]) -> Iterator[SystemDose]:
    for dose in doses:
        yield dose
        if dose.harvest is not None:
            yield from _with_harvest(each for each in dose.harvest.doses if isinstance(each, SystemDose))


def _use(doses: list[SystemDose]) -> AgentUse:
    first = units.amount(doses[0].amount)
    # A concentration in a well says nothing of what is given to an animal.
    doses = [dose for dose in doses if units.can_convert(units.amount(dose.amount).unit, first.unit)]
    amounts, begins, ends = [], [], []
    for dose in doses:
        amounts.append(float(units.amount(dose.amount).to(first.unit)))
        begins.append(units.day(dose.at))
        ends.append(units.day(dose.until) if dose.until else units.day(dose.at))
    assumed = all(str(dose.evidence) == "assumed" for dose in doses)
    return AgentUse(first.unit, min(amounts), max(amounts), min(begins), max(ends), assumed, doses[0])
