"""Dose: an agent, an amount, a time, a route, and how often."""

from __future__ import annotations

import dataclasses
import functools
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
        if self.every is None and self.until is None:
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
        if self.every is None or self.until is None:
            return 0
        # Half a day times 22 is 11 days in decimal but not in binary; the slack keeps the last dose.
        return int((units.day(self.until) - self.start) / self.interval + _SLACK)

    @property
    def times(self) -> tuple[float, ...]:
        """Every day on which it is given."""
        return tuple(self.start + number * self.interval for number in range(self.repeats + 1))

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of its words and of the definition of its agent."""
        harvest = self.harvest
        origin = () if harvest is None else (harvest.protocol.fingerprint, harvest.at, repr(harvest.condition.changes))
        words = (self.agent, self.amount, self.at, self.every, self.until, self.route, origin, repr(self.varied))
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

    def __add__(self, other: Dose | Protocol) -> Protocol:
        from gvlab.protocol.protocol import Protocol

        return Protocol.of(self) + other

    def in_words(self) -> str:
        """Return what is given, how much, when and how, as a sentence."""
        agent = self.agent_definition
        title, route = agent.title, agent.route_name(self.route)
        if not self.repeats:
            when = f"On {_day(self.start)}"
        else:
            when = f"From {_day(self.start)} to {_day(self.times[-1])}, {_every(self.interval)}"
        often = f", {self.repeats + 1} doses" if self.repeats else ""
        origin = f", taken from primary recipients on {_day(self.harvest.day)}" if self.harvest else ""
        return f"{when}: {title}, {self.amount} ({route}{often}){origin}."


def _day(days: float) -> str:
    return f"day {days:g}"


def _every(days: float) -> str:
    if days == 1:
        return "every day"
    if days < 1:
        return f"every {days * 24:g} hours"
    return f"every {days:g} days"
