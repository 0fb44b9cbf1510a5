"""A set of typical values that replace those of the tables: a plausible one, or none at all, which is the nominal "
"set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gvlab.subject.cohort import Cohort
from gvlab.subject.population import Population
from gvlab.subject.system import System


@dataclass(frozen=True)
class ParameterSet:
    """Typical values of parameters that replace those of the tables; none at all is the nominal set."""

    name: str = "nominal"
    values: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, values: Mapping[str, float], system: System) -> ParameterSet:
        """Keep what holds in a system of a set whose names are ``parameter`` or ``parameter@context;context``."""
        table = system.parameters()
        kept = {}
        for axis, value in values.items():
            parameter, _, context = axis.partition("@")
            if parameter in table and ";".join(table.row(parameter).context) == context:
                kept[parameter] = float(value)
        return cls(name, kept)

    def cohort(self, system: System, subjects: int, seed: int) -> Cohort:
        """Return subjects of a system whose population has these typical values; the same ones for the same seed."""
        table = system.parameters()
        if self.values:
            table = table.replace(self.values, f"parameter set {self.name}")
        return Population.read(system.record.population, table, system.library).sample(subjects, seed)
