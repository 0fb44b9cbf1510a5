"""Dose: an agent, an amount, a time, a route, and how often."""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from gvlab import units
from gvlab.errors import ProtocolError, UnknownNameError
from gvlab.library import Library
from gvlab.library.agent_record import Route
from gvlab.library.records import Varied
from gvlab.protocol.agent import Agent
from gvlab.protocol.condition import Condition
from gvlab.provenance import sha256

if TYPE_CHECKING:
    from gvlab.protocol.protocol import Protocol

_MAX_REPEATS = 100_000
_SLACK = 1e-9


@dataclass(frozen=True)
class Harvest:
    """Where cells come from that are taken out of a primary recipient.

    Attributes
    ----------
    protocol
        What the primary recipient was given.
    at
        The day on which the cells are taken, counted from the primary's own time zero.
    condition
        What else was different about the primary recipient.
    """

    protocol: Protocol
    _: KW_ONLY
    at: str
    condition: Condition = dataclasses.field(default_factory=Condition)

    def __post_init__(self) -> None:
        """Check the time, and take a single dose for a protocol."""
        from gvlab.protocol.protocol import Protocol

        object.__setattr__(self, "protocol", Protocol.of(self.protocol))
        object.__setattr__(self, "condition", Condition.of(self.condition))
        self.day  # noqa: B018 - a time that cannot be read is refused where it is written
        late = [dose for dose in self.protocol.doses if dose.start > self.day]
        if late:
            raise ProtocolError(
                f'Cells are taken at "{self.at}", before the dose of "{late[0].agent}" at "{late[0].at}". '
                "Take them later, or leave that dose out."
            )

    def with_library(self, library: Library) -> Harvest:
        """Return the harvest with agents and conditions of the primary as a library has them; errors as theirs."""
        protocol, condition = self.protocol.with_library(library), self.condition.with_library(library)
        if protocol is self.protocol and condition is self.condition:
            return self
        return Harvest(protocol, at=self.at, condition=condition)

    @property
    def day(self) -> float:
        """Day of the harvest."""
        return units.day(self.at, "the time of the harvest")


@dataclass(frozen=True)
class Dose:
    """Something given, once or again and again.

    Everything is checked when a dose is made: the agent and its route exist, the amount has a dimension that the route
    can take, the times are in order.

    Attributes
    ----------
    agent
        Name of an agent of the library.
    amount
        "10 mg/kg", "5e6 cell", "8 Gy".
    at
        "day 4".
    every, until
        "1 day" and "day 14": repeated, the last time on the day named if the interval falls on it.
    route
        Name of a route of the agent; its default route where None.
    holds
        Times of no treatment, each from a day until a day: ``[("day 30", "day 44")]`` gives nothing from day 30 on and
        goes on with day 44. A reduction is a second dose, from its day on.
    when
        A formula of the model's symbols ("gvhd_grade < 2"), asked each time; where it is false nothing is given.
    harvest
        For cells out of a primary recipient: which, and when they were taken.
    varied
        Parameters that stand for what is not known of its amount and its day; an ensemble draws them. A dose that is
        given another amount, or another day, is known.
    library
        Where the agent is defined; the default one where None. An experiment takes the agents of its own library.
    agent_definition
        The agent, as that library has it.

    Raises
    ------
    UnknownNameError
        If there is no such agent or route.
    UnitError
        If the amount cannot be read, or the route does not take its dimension.
    InvalidValueError
        If the amount is negative or not finite.
    ProtocolError
        If the times are not in order, or cells have no origin.
    """

    agent: str
    amount: str
    _: KW_ONLY
    at: str
    every: str | None = None
    until: str | None = None
    route: str | None = None
    holds: tuple[tuple[str, str], ...] = ()
    when: str | None = None
    harvest: Harvest | None = None
    varied: Varied | None = None
    library: Library | None = dataclasses.field(default=None, compare=False, repr=False)
    # Two doses of the same words are the same only if they mean the same agent; records have no hash.
    agent_definition: Agent = dataclasses.field(init=False, repr=False, hash=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be given."""
        library = Library.default() if self.library is None else self.library
        try:
            agent = Agent.read(self.agent, library)
        except UnknownNameError as error:
            if self.library is None:
                error.add_note("An agent of another library is given as Dose(..., library=that_library).")
            raise
        object.__setattr__(self, "library", library)
        object.__setattr__(self, "agent_definition", agent)
        agent.check_amount(self.quantity, self.route)
        if self.quantity.value == 0 and not self.route_definition.counts_amount:
            raise ProtocolError(
                f'The dose of "{self.agent}" is "{self.amount}", and giving it acts in full whatever the amount is: '
                "the model knows only that it was given. Leave the dose out."
            )
        self._check_times()
        from_primary = self.route_definition.harvest is not None
        if from_primary and self.harvest is None:
            raise ProtocolError(
                f'"{self.agent}" comes out of a primary recipient. '
                'Say which: harvest=Harvest(protocol_of_the_primary, at="day 14").'
            )
        if self.harvest is not None and not from_primary:
            raise ProtocolError(f'"{self.agent}" does not come out of a primary recipient; leave "harvest" out.')

    def _check_times(self) -> None:
        subject = f'The dose of "{self.agent}"'
        what = f'of the dose of "{self.agent}"'
        start = units.day(self.at, f"the time {what}")
        object.__setattr__(self, "holds", tuple(map(tuple, self.holds)))
        goes_on = self.route_definition.ended_by is not None
        if self.every is None and (self.until is None or goes_on):
            if self.until is not None and units.day(self.until, f"the end {what}") <= start:
                raise ProtocolError(
                    f'{subject} ends at "{self.until}"; it begins at "{self.at}", and goes on until then.'
                )
            if self.holds and not goes_on:
                raise ProtocolError(f'{subject} is given once, so nothing can be held. Leave "holds" out.')
            self._check_holds(start, math.inf if self.until is None else units.day(self.until))
            return
        if self.every is None:
            raise ProtocolError(f'{subject} has an end, "{self.until}", but no interval. Say every="1 day".')
        interval = units.duration(self.every, f"the interval {what}")
        if self.until is None:
            raise ProtocolError(f'{subject} is repeated without end. Say until="day 14".')
        end = units.day(self.until, f"the end {what}")
        if end < start:
            raise ProtocolError(f'{subject} ends at "{self.until}", before it begins at "{self.at}".')
        if (end - start) / interval > _MAX_REPEATS:
            raise ProtocolError(f'{subject} is repeated more than {_MAX_REPEATS:,} times. Is "{self.every}" meant?')
        self._check_holds(start, end)

    def _check_holds(self, start: float, end: float) -> None:
        subject = f'The dose of "{self.agent}"'
        before: tuple[float, str] | None = None
        for hold in sorted(self.holds, key=lambda pair: units.day(pair[0], "the beginning of a hold")):
            if len(hold) != 2:
                raise ProtocolError(f'{subject} has a hold {hold}; a hold is two days: ("day 30", "day 44").')
            first, last = (units.day(day, f'a hold of the dose of "{self.agent}"') for day in hold)
            said = f'"{hold[0]}" to "{hold[1]}"'
            if not first < last:
                raise ProtocolError(f"{subject} is held from {said}: a hold ends after it begins. Swap the days.")
            if not start < first < end:
                until = f' to "{self.until}"' if self.until is not None else " on"
                raise ProtocolError(
                    f'{subject} is held from {said}, and it is given from "{self.at}"{until}. A hold begins within the '
                    "treatment; otherwise begin later, or end earlier."
                )
            if before is not None and first < before[0]:
                raise ProtocolError(f"{subject} is held from {before[1]} and from {said}; they overlap. Make them one.")
            before = (last, said)

    @functools.cached_property
    def held(self) -> tuple[tuple[float, float], ...]:
        """Days on which a hold begins and ends, in order of time."""
        return tuple(sorted((units.day(first), units.day(last)) for first, last in self.holds))

    @property
    def route_definition(self) -> Route:
        """The route it takes."""
        return self.agent_definition.route(self.route)

    @functools.cached_property
    def quantity(self) -> units.Quantity:
        """The amount as number and unit."""
        return units.amount(self.amount, f'the dose of "{self.agent}"')

    @property
    def start(self) -> float:
        """Day of the first dose."""
        return units.day(self.at)

    @property
    def interval(self) -> float:
        """Days between doses; zero where it is given once."""
        return units.duration(self.every) if self.every else 0.0

    @property
    def repeats(self) -> int:
        """How often it is given again after the first time."""
        return len(self.times) - 1

    @property
    def planned(self) -> tuple[float, ...]:
        """Every day on which it would be given without holds."""
        if self.every is None or self.until is None:
            return (self.start,)
        # Half a day times 22 is 11 days in decimal but not in binary; the slack keeps the last dose.
        last = int((units.day(self.until) - self.start) / self.interval + _SLACK)
        return tuple(self.start + number * self.interval for number in range(last + 1))

    @functools.cached_property
    def times(self) -> tuple[float, ...]:
        """Every day on which it is given; what goes on by itself is given again where a hold ends."""
        if self.every is None:
            end = math.inf if self.until is None else units.day(self.until)
            return (self.start, *(last for _, last in self.held if last < end))
        return tuple(time for time in self.planned if not self.is_held(time))

    def is_held(self, time: float) -> bool:
        """Return whether a day lies in a hold."""
        return any(first - _SLACK <= time < last - _SLACK for first, last in self.held)

    @property
    def stops(self) -> tuple[float, ...]:
        """Days on which what goes on by itself is ended: where a hold begins, and at the end."""
        if self.route_definition.ended_by is None or self.every is not None:
            return ()
        end = () if self.until is None else (units.day(self.until),)
        return (*(first for first, _ in self.held), *(day for day in end if not self.is_held(day)))

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of its words and of the definition of its agent."""
        harvest = self.harvest
        origin = () if harvest is None else (harvest.protocol.fingerprint, harvest.at, repr(harvest.condition.changes))
        rules = (self.holds, self.when) if self.holds or self.when else ()
        given = (self.agent, self.amount, self.at, self.every, self.until, self.route)
        words = (*given, origin, repr(self.varied), *rules)
        return sha256(repr(words) + self.agent_definition.record.model_dump_json())

    def with_library(self, library: Library) -> Dose:
        """Return the dose with its agent as a library has it.

        Raises
        ------
        UnknownNameError
            If the library has no such agent or route.
        UnitError
            If the amount cannot be given by its route.
        """
        harvest = self.harvest and self.harvest.with_library(library)
        if harvest is self.harvest and self.library == library:
            return self
        return self.replace(library=library, harvest=harvest)

    def replace(self, **changes: Any) -> Dose:
        """Return a dose with some fields changed: ``dose.replace(amount="5 mg/kg")``."""
        if self.varied is not None and "varied" not in changes:
            amount = None if "amount" in changes else self.varied.amount
            day = None if "at" in changes else self.varied.day
            changes["varied"] = Varied(amount=amount, day=day) if amount or day else None
        return dataclasses.replace(self, **changes)

    def between(self, at: str, until: str | None) -> Dose:
        """Return the dose with another first and last day, and without the holds that begin outside of them."""
        first, last = units.day(at), math.inf if until is None else units.day(until)
        holds = tuple(hold for hold in self.holds if first < units.day(hold[0]) < last)
        return self.replace(at=at, until=until, holds=holds)

    def __add__(self, other: Dose | Protocol) -> Protocol:
        from gvlab.protocol.protocol import Protocol

        return Protocol.of(self) + other

    def in_words(self) -> str:
        """Return what is given, how much, when and how, as a sentence."""
        agent = self.agent_definition
        title, route = agent.title, agent.route_name(self.route)
        if self.every is None:
            until = f" to {_day(units.day(self.until))}" if self.until is not None else ""
            when = f"From {_day(self.start)}{until or ' on'}" if until or self.holds else f"On {_day(self.start)}"
        elif not self.repeats:
            when = f"On {_day(self.start)}"
        else:
            when = f"From {_day(self.start)} to {_day(self.times[-1])}, {_every(self.interval)}"
        often = f", {self.repeats + 1} doses" if self.repeats and self.every is not None else ""
        origin = f", taken from primary recipients on {_day(self.harvest.day)}" if self.harvest else ""
        held = "".join(f", held from {_day(first)} until {_day(last)}" for first, last in self.held)
        only = f", each time only where {self.when}" if self.when else ""
        return f"{when}: {title}, {self.amount} ({route}{often}){origin}{held}{only}."


def _day(days: float) -> str:
    return f"day {days:g}"


def _every(days: float) -> str:
    if days == 1:
        return "every day"
    if days < 1:
        return f"every {days * 24:g} hours"
    return f"every {days:g} days"
