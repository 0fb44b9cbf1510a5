"""System: a donor, a host and a leukemia - "C57BL/6 into BALB/c with WEHI-3B" - and the parameters they change."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from gvlab import library
from gvlab.library.fields import Sourced
from gvlab.library.records import Being, SystemDose, SystemRecord
from gvlab.model.parameters import ParameterTable
from gvlab.provenance import Source
from gvlab.subject.cohort import Cohort
from gvlab.subject.population import Population


@dataclass(frozen=True)
class System:
    """A model system of the laboratory.

    Attributes
    ----------
    record
        As the library holds it.
    beings
        Donor, host and leukemia, as far as it has them.
    """

    record: SystemRecord
    beings: Mapping[str, Being]

    @classmethod
    def read(cls, name: str) -> System:
        """Read a system of the library, with its donor, host and leukemia.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        record: SystemRecord = library.read("systems", name)
        named = {"donor": record.donor, "host": record.host, "leukemia": record.leukemia}
        beings = {kind: library.read(f"{kind}s", being) for kind, being in named.items() if being is not None}
        return cls(record, beings)

    @property
    def name(self) -> str:
        """What the API calls it."""
        return self.record.name

    @property
    def title(self) -> str:
        """What a reader calls it."""
        return self.record.title

    @property
    def time_zero(self) -> str:
        """What happens at time zero, in words."""
        return self.record.time_zero

    @property
    def doses(self) -> Mapping[str, SystemDose]:
        """The doses that belong to the system, by name."""
        return self.record.doses

    @property
    def contexts(self) -> tuple[str, ...]:
        """Tags of all overlays, sorted."""
        tags = {tag for being in self.beings.values() for tag in being.contexts} | set(self.record.contexts)
        return tuple(sorted(tags))

    def parameters(self) -> ParameterTable:
        """Give the parameters of this system: for each the most specific row."""
        return ParameterTable.default().resolve(self.contexts)

    @functools.cached_property
    def population(self) -> Population:
        """The population its subjects are drawn from."""
        return Population.read(self.record.population, self.parameters())

    def cohort(self, n: int, seed: int) -> Cohort:
        """Draw subjects; arguments and errors as `Population.sample`."""
        return self.population.sample(n, seed)

    def typical(self) -> Cohort:
        """Give one subject with the values of the table."""
        return Cohort.typical(self.parameters())

    def sources(self) -> tuple[Source, ...]:
        """Give the bibliography entries of its numbers, of its doses and of itself."""
        keys = {key for row in self.parameters() for key in row.source_keys}
        parts: list[Sourced] = [self.record, *self.beings.values(), *self.doses.values()]
        parts += self.population.record.variability
        keys.update(key for part in parts for key in part.source_keys)
        return library.sources(keys)
