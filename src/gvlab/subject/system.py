"""System: a donor, a host and a leukemia - "C57BL/6 into BALB/c with WEHI-3B" - and the parameters they change."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from gvlab import notebook
from gvlab.bibliography import Source
from gvlab.library import Library
from gvlab.library.fields import Sourced
from gvlab.library.records import SystemDose, SystemPart, SystemRecord
from gvlab.model.parameters import ParameterTable
from gvlab.subject.cohort import Cohort
from gvlab.subject.population import Population


@dataclass(frozen=True)
class System:
    """A model system of the laboratory.

    Attributes
    ----------
    record
        As the library holds it.
    parts
        Donor, host and leukemia, as far as it has them.
    library
        Where it was read, and where its parameters and its population are.
    """

    record: SystemRecord
    parts: Mapping[str, SystemPart]
    library: Library

    @classmethod
    def read(cls, name: str, library: Library | None = None) -> System:
        """Return a system of a library, with its donor, host and leukemia.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        library = Library.default() if library is None else library
        record: SystemRecord = library.read("systems", name)
        named = {"donor": record.donor, "host": record.host, "leukemia": record.leukemia}
        parts = {kind: library.read(f"{kind}s", part) for kind, part in named.items() if part is not None}
        return cls(record, parts, library)

    def __repr__(self) -> str:
        return f"System({self.name!r}: {self.title})"

    def _repr_html_(self) -> str:
        parts = [(kind, part.title, ", ".join(part.contexts)) for kind, part in self.parts.items()]
        doses = [
            (name, dose.agent, dose.amount, dose.at, dose.every or "once", dose.until or "")
            for name, dose in self.doses.items()
        ]
        return notebook.card(
            self.title,
            f"{self.name}; time zero is the {self.time_zero}; population {self.record.population}",
            notebook.table(("part", "what", "contexts"), parts),
            notebook.table(("dose", "agent", "amount", "at", "every", "until"), doses),
        )

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
        tags = {tag for part in self.parts.values() for tag in part.contexts} | set(self.record.contexts)
        return tuple(sorted(tags))

    def parameters(self) -> ParameterTable:
        """Return the parameters of this system: for each the most specific row, as it was when first asked for."""
        return self._table

    @functools.cached_property
    def _table(self) -> ParameterTable:
        return ParameterTable.resolved(self.contexts, self.library)

    @functools.cached_property
    def population(self) -> Population:
        """The population its subjects are drawn from."""
        return Population.read(self.record.population, self.parameters(), self.library)

    def cohort(self, n: int, seed: int) -> Cohort:
        """Return subjects drawn at random; arguments and errors as `Population.sample`."""
        return self.population.sample(n, seed)

    def typical(self) -> Cohort:
        """Return one subject with the values of the table."""
        return Cohort.typical(self.parameters())

    def sources(self) -> tuple[Source, ...]:
        """Return the bibliography entries of its numbers, of its doses and of itself."""
        keys = {key for row in self.parameters() for key in row.source_keys}
        parts: list[Sourced] = [self.record, *self.parts.values(), *self.doses.values()]
        parts += self.population.record.variability
        keys.update(key for part in parts for key in part.source_keys)
        return self.library.sources(keys)
