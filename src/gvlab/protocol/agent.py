"""Agent: anything that can be given - its routes, its molar mass, and what giving it does."""

from __future__ import annotations

from dataclasses import dataclass

from gvlab import units
from gvlab.errors import UnitError, UnknownNameError
from gvlab.library import Library
from gvlab.library.agent_record import AgentRecord, Route


@dataclass(frozen=True)
class Agent:
    """A drug, a cell product, irradiation or an antibody.

    Attributes
    ----------
    record
        As the library holds it.
    """

    record: AgentRecord

    @classmethod
    def read(cls, name: str, library: Library | None = None) -> Agent:
        """Return an agent of a library.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        library = Library.default() if library is None else library
        return cls(library.read("agents", name))

    @property
    def name(self) -> str:
        """What the API calls it."""
        return self.record.name

    @property
    def title(self) -> str:
        """What a reader calls it."""
        return self.record.title

    @property
    def molar_mass(self) -> float | None:
        """In g/mol; None where it is not known."""
        stated = self.record.molar_mass
        return None if stated is None else float(units.convert(stated.value, stated.unit, "g/mol"))

    def route_name(self, name: str | None = None) -> str:
        """Return the name of the route that is taken.

        Raises
        ------
        UnknownNameError
            If the agent has no such route.
        """
        if name is None:
            return self.record.first_route
        if name not in self.record.routes:
            raise UnknownNameError(f'route of "{self.name}"', name, self.record.routes)
        return name

    def route(self, name: str | None = None) -> Route:
        """Return a route, the default one where none is named; errors as `route_name`."""
        return self.record.routes[self.route_name(name)]

    def check_amount(self, amount: units.Quantity, route: str | None = None) -> None:
        """Raise if the route cannot take the dimension of an amount.

        Raises
        ------
        UnitError
            With the value, what a dose by this route is, and the way out.
        """
        name = self.route_name(route)
        wanted = self.record.routes[name].units
        if all(self._takes(amount.unit, unit) for unit in wanted):
            return
        unit = next(unit for unit in wanted if not self._takes(amount.unit, unit))
        message = f'The dose of "{self.name}" is "{amount.text}", {amount.kind}.'
        if units.can_convert(amount.unit, unit, molar_mass=True, body_mass=True):
            raise UnitError(f"{message} Its molar mass is not known, so it cannot become {unit}. Give it in {unit}.")
        if amount.kind == units.kind("mg/m2"):
            raise UnitError(
                f"{message} The body surface of a subject is not known. Give it per body mass (mg/kg); how many "
                "mg/m2 that is depends on the species."
            )
        others = [
            other
            for other, choice in self.record.routes.items()
            if other != name and choice.units and all(self._takes(amount.unit, part) for part in choice.units)
        ]
        hint = f'Did you mean "{amount.value:.15g} {_suggested(unit)}"'
        hint += "".join(f', or route="{other}"' for other in others) + "?"
        by = f" by route {name}" if len(self.record.routes) > 1 else ""
        raise UnitError(f"{message} A dose{by} is {_what(unit)}. {hint}")

    def _takes(self, unit: str, wanted: str) -> bool:
        return units.can_convert(unit, wanted, molar_mass=self.molar_mass is not None, body_mass=True)


def _suggested(unit: str) -> str:
    return "mg/kg" if units.kind(unit) == "an amount" else unit


def _what(unit: str) -> str:
    """Return what a dose that enters in `unit` is: "an amount (mg, nmol) or an amount per body mass (mg/kg)"."""
    direct = units.kind(unit)
    words = f"{direct} ({units.examples(direct) or unit})"
    if direct in ("an amount", "a number of cells"):
        relative = units.kind(f"{unit}/kg")
        words += f" or {relative} ({units.examples(relative)})"
    return words
