"""The schema of an agent: its routes, and what giving it by each does to the model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from gvlab import units
from gvlab.library.fields import Identifier, Record, SourcedValue, Text, Titled, Unit, Verification


class CloneSpec(Record):
    """A clone that grew from one cell: what is expected of it are mutations, and what arrives are its mutants.

    Their number has the distribution of Luria and Delbrück; a subject gets the quantile that it drew.
    """

    draw: Identifier
    """A parameter of the subject, 0 to 1."""
    birth: Identifier
    """Rate of birth of the cells while they grew."""
    death: Identifier
    """Rate of death of the cells while they grew."""
    times: tuple[Identifier | float, ...] = ()
    """The mutants are multiplied by these numbers and parameters."""


class OperationSpec(Record):
    """What giving an agent does to the model. Exactly one of `add`, `set`, `mix` and `approach` is there."""

    add: Identifier | None = None
    """A state to which the amount is added."""
    set: Identifier | None = None
    """A symbol that takes a value."""
    mix: Identifier | None = None
    """A mean (a phenotype) that becomes the weighted mean of what it was and of `value`."""
    approach: Identifier | None = None
    """A symbol that comes nearer to `to`: of the distance exp(-amount x times) is left."""
    unit: Unit | None = None
    """The amount enters in this unit."""
    times: tuple[Identifier | float, ...] = ()
    """The amount is multiplied by these numbers and parameters of the subject."""
    whole: Identifier | None = None
    """For `add` of a number of cells: it is expected; each subject gets a whole number of them, the quantile of a
    Poisson distribution at this parameter of the subject (0 to 1)."""
    mutants: CloneSpec | None = None
    """For `add`: the amount, times its factors, is a number of mutations; their mutants are added."""
    to: Identifier | float | None = None
    """For `set` and `approach`: a number or a parameter of the subject."""
    value: Identifier | float | None = None
    """For `mix`: the mean of what is given, a number or a parameter of the subject."""
    pool: tuple[Identifier, ...] = ()
    """For `mix`: the states whose sum is the weight of what was there."""
    guard: str = ""
    """An SBML infix formula; where it is false nothing is done."""

    @model_validator(mode="after")
    def _one_verb(self) -> OperationSpec:
        verbs = [verb for verb in ("add", "set", "mix", "approach") if getattr(self, verb) is not None]
        if len(verbs) != 1:
            raise ValueError(f"an operation has exactly one of add, set, mix and approach; here are {verbs or 'none'}")
        if self.add is not None and self.unit is None:
            raise ValueError(f'"add: {self.add}" needs the unit in which the amount enters')
        if self.set is not None and (self.to is None) == (self.unit is None):
            raise ValueError(f'"set: {self.set}" needs either "to" (a value) or "unit" (the amount itself)')
        if self.approach is not None and (self.to is None or self.unit is None or not self.times):
            raise ValueError(f'"approach: {self.approach}" needs "to", the "unit" of the amount, and "times": the rate')
        if self.mix is not None and (self.value is None or not self.pool or self.unit is None):
            raise ValueError(f'"mix: {self.mix}" needs "value", "pool" and the "unit" of the amount that joins')
        if self.add is not None and (self.to is not None or self.value is not None or self.pool):
            raise ValueError(f'"add: {self.add}" has only unit, times, whole, mutants and guard')
        if self.whole is not None and self.add is None:
            raise ValueError('"whole" belongs to "add": a whole number of cells is added')
        if self.mutants is not None and (self.add is None or self.whole is not None):
            raise ValueError('"mutants" belongs to "add" without "whole": a number of mutants is added')
        return self

    @property
    def target(self) -> str:
        """The symbol it acts on."""
        return self.add or self.set or self.mix or self.approach or ""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol it names, its target first."""
        named = [self.target, *self.times, self.whole, self.to, self.value, *self.pool]
        if self.mutants is not None:
            named += [self.mutants.draw, self.mutants.birth, self.mutants.death, *self.mutants.times]
        return tuple(dict.fromkeys(name for name in named if isinstance(name, str)))


class HarvestSpec(Record):
    """Cells taken from a subject who was followed, with their composition and phenotype.

    The dose is a number of cells; it is divided among the states of `pool` as they were in the donor at that time.
    """

    pool: tuple[Identifier, ...] = Field(min_length=1)
    """States that are counted and transferred; the recipient's states have the same names."""
    phenotype: tuple[Identifier, ...] = ()
    """Means that travel with the cells; in the recipient they are mixed, weighted by cells."""
    phenotype_of: tuple[Identifier, ...] = ()
    """The states that have that phenotype; the whole pool where empty."""
    times: tuple[Identifier | float, ...] = ()
    """The number of cells is multiplied by these numbers and parameters of the recipient: what seeds."""

    @model_validator(mode="after")
    def _within(self) -> HarvestSpec:
        outside = [name for name in self.phenotype_of if name not in self.pool]
        if outside:
            raise ValueError(f'phenotype_of names "{outside[0]}", which is not in the pool')
        return self


class Route(Record):
    """A way of giving an agent."""

    description: Text = ""
    unit: Unit | None = None
    """The unit of the amount where no operation carries one."""
    operations: tuple[OperationSpec, ...] = ()
    harvest: HarvestSpec | None = None
    """In place of operations: what is given comes out of another subject."""
    ended_by: str | None = None
    """For what goes on until it is ended: the route that ends it."""

    @model_validator(mode="after")
    def _something_happens(self) -> Route:
        if bool(self.operations) == (self.harvest is not None):
            raise ValueError("a route has either operations or harvest")
        return self

    @model_validator(mode="after")
    def _mix_before_add(self) -> Route:
        added: set[str] = set()
        for operation in self.operations:
            enlarged = sorted(added.intersection(operation.pool))
            if enlarged:
                raise ValueError(
                    f'"mix: {operation.mix}" stands after "add: {enlarged[0]}", which enlarges its pool; put it before'
                )
            if operation.add:
                added.add(operation.add)
        return self

    @property
    def counts_amount(self) -> bool:
        """Whether what happens depends on how much is given."""
        return self.harvest is not None or any(operation.unit is not None for operation in self.operations)

    @property
    def units(self) -> tuple[str, ...]:
        """The units the amount must be convertible to."""
        found = ["cell"] if self.harvest else [operation.unit for operation in self.operations if operation.unit]
        return tuple(dict.fromkeys(found)) or ((self.unit,) if self.unit else ())

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol of the model and every parameter that it needs."""
        named = [name for operation in self.operations for name in operation.symbols]
        if self.harvest:
            named += [*self.harvest.pool, *self.harvest.phenotype]
            named += [name for name in self.harvest.times if isinstance(name, str)]
        return tuple(dict.fromkeys(named))


class DoseLimit(Record):
    """What is never given in a context, and why."""

    most_per_day: SourcedValue | None = None
    """The highest amount within a day."""
    not_before: float | None = None
    """The first day on which it can be given."""
    why: Text


class AgentRecord(Titled):
    """Anything that can be given."""

    kind: Literal["drug", "cells", "irradiation", "antibody", "cytokine"]
    description: Text = ""
    molar_mass: SourcedValue | None = None
    default_route: str = ""
    routes: dict[str, Route] = Field(min_length=1)
    limits: dict[str, DoseLimit] = Field(default_factory=dict)
    """By context (such as "species:human"): what is never given there."""
    means: dict[Identifier, tuple[Identifier, ...]] = Field(default_factory=dict)
    """Means over its cells, and the symbols whose sum counts them: of less than one cell there is no mean."""
    source: str = ""
    verification: Verification = ""
    note: Text = ""

    @model_validator(mode="after")
    def _ended_by_a_route(self) -> AgentRecord:
        for name, route in self.routes.items():
            if route.ended_by is not None and (route.ended_by not in self.routes or route.ended_by == name):
                raise ValueError(
                    f'route "{name}" is ended by "{route.ended_by}"; other routes are: {self.routes.keys()}'
                )
        return self

    @model_validator(mode="after")
    def _default_route_exists(self) -> AgentRecord:
        if self.default_route and self.default_route not in self.routes:
            raise ValueError(f'default_route "{self.default_route}" is not among the routes: {", ".join(self.routes)}')
        if self.molar_mass is not None and not units.can_convert(self.molar_mass.unit, "g/mol"):
            raise ValueError(f'molar_mass is in "{self.molar_mass.unit}"; write it in g/mol')
        return self

    @property
    def first_route(self) -> str:
        """The route that is taken when none is named."""
        return self.default_route or next(iter(self.routes))

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol of the model and every parameter that giving it needs."""
        named = [name for route in self.routes.values() for name in route.symbols]
        named += [name for mean, counted in self.means.items() for name in (mean, *counted)]
        return tuple(dict.fromkeys(named))
