"""The mathematics of an SBML document: all that an engine knows of a model.

libSBML is imported when a document, or a formula, is read for the first time: whoever takes equations that were kept
needs none of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar, overload

from gvlab.errors import UnknownNameError
from gvlab.sbml import resolve
from gvlab.sbml.evaluate import evaluate
from gvlab.sbml.graph import Graph, Node
from gvlab.sbml.names import AMOUNT, GIVEN
from gvlab.sbml.precheck import precheck
from gvlab.sbml.resolve import Resolver
from gvlab.sbml.symbols import Contents, Symbol
from gvlab.sbml.system import EquationSystem, Event, Species

T = TypeVar("T")

_reading = threading.RLock()


class _ReadOnce(Generic[T]):
    """A property that is worked out when it is first asked for, by one thread, and put where the object keeps it."""

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out = work_out
        self.__doc__ = work_out.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> _ReadOnce[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self
        values = vars(instance)
        if self._name not in values:
            with _reading:
                if self._name not in values:
                    values[self._name] = self._work_out(instance)
        return values[self._name]


@dataclass(frozen=True)
class Equations:
    """The equations of an SBML document.

    The document is read when something in it is asked for, once. Equal texts give equal equations: the same formulas in
    the same order, whatever is asked for first.

    Parameters
    ----------
    sbml
        The text of the document. Use `from_sbml`, which looks at the text before any parser does.
    """

    sbml: str

    @classmethod
    def from_sbml(cls, text: str) -> Equations:
        """Return the equations of an SBML text.

        Raises
        ------
        ModelError
            If the text is hostile or no well-formed SBML (see `precheck`).
        """
        precheck(text)
        return cls(text)

    def __getstate__(self) -> dict[str, str]:
        # What has been read is not sent to other processes; they read it themselves.
        return {"sbml": self.sbml}

    # ------------------------------------------------------------------- names

    @_ReadOnce
    def contents(self) -> Contents:
        """What the document names."""
        from gvlab.sbml.symbol_reader import read_contents

        return read_contents(self.sbml)

    @_ReadOnce
    def symbols(self) -> Mapping[str, Symbol]:
        """Every symbol by id, in the order of the document."""
        return MappingProxyType({symbol.id: symbol for symbol in self.contents.symbols})

    @_ReadOnce
    def system(self) -> EquationSystem:
        """The document, read."""
        from gvlab.sbml.reader import read

        return read(self.sbml)

    @_ReadOnce
    def states(self) -> tuple[str, ...]:
        """Species that no assignment rule sets, then everything else with a rate rule."""
        return self.system.states

    @_ReadOnce
    def parameters(self) -> tuple[str, ...]:
        """Parameters, compartments and named stoichiometries that no rule sets. Their values can be replaced."""
        system = self.system
        names = [*system.parameters, *system.compartments, *dict.fromkeys(system.references)]
        return tuple(name for name in names if name not in system.rules and name not in system.rates)

    @_ReadOnce
    def assigned(self) -> tuple[str, ...]:
        """What is set by assignment rules."""
        return tuple(self.system.rules)

    @_ReadOnce
    def reactions(self) -> tuple[str, ...]:
        """Ids of the reactions; as outputs, their rates."""
        return tuple(self.system.reactions)

    @_ReadOnce
    def events(self) -> tuple[str, ...]:
        """Ids of the events, in document order."""
        return tuple(event.id for event in self.system.events)

    @_ReadOnce
    def changeable(self) -> tuple[str, ...]:
        """States, and the parameters that an event, a dose or a switch may change."""
        constant = self.system.constant
        return (*self.states, *(name for name in self.parameters if name not in constant))

    @_ReadOnce
    def readable(self) -> frozenset[str]:
        """All that can be an output: states, parameters, assigned variables, and rates of reactions."""
        return frozenset((*self.states, *self.parameters, *self.assigned, *self.reactions))

    @_ReadOnce
    def nominal(self) -> dict[str, float]:
        """Initial value of every state and parameter, as the document gives them."""
        return {name: float(value) for name, value in self.initial({}).items()}

    def kind(self, name: str) -> str:
        """Return what a symbol is: species, parameter, compartment, stoichiometry or reaction.

        Raises
        ------
        UnknownNameError
            If the model has no such symbol.
        """
        kinds = self.system.kinds()
        if name not in kinds:
            raise UnknownNameError("symbol of the model", name, kinds)
        return kinds[name]

    # ---------------------------------------------------------------- formulas

    @_ReadOnce
    def during(self) -> Resolver:
        """Writes a formula in terms of what is carried on, parameters, and time."""
        return resolve.during(self.system)

    @_ReadOnce
    def needed(self) -> frozenset[str]:
        """States and parameters without whose values nothing can be followed: those of rates of change and triggers."""
        system = self.system
        moving = [name for name in self.states if name in system.rates]
        nodes = [self.during(system.rates[name]) for name in moving]
        nodes += [self.during(event.trigger) for event in system.events]
        return frozenset((*moving, *(name.removeprefix(AMOUNT) for name in system.graph.symbols(nodes))))

    def initial(self, replaced: Mapping[str, Any], start: float = 0.0) -> dict[str, Any]:
        """Return the value of every state and parameter at the start, by name; an array where it depends on an array.

        A replaced symbol loses its initial assignment; the others are evaluated with the new values.

        Parameters
        ----------
        replaced
            Values that replace those of the document: numbers, or arrays of shape (subject,).
        start
            Time at which formulas are evaluated.

        Raises
        ------
        UnknownNameError
            If the model has no such state or parameter.
        """
        system = self.system
        for name in replaced:
            if name not in system.values or name in system.rules:
                raise UnknownNameError("state or parameter of the model", name, [*self.states, *self.parameters])
        known: dict[str, Any] = {"time ": start}
        for name, value in {**system.values, **replaced}.items():
            known[name] = value
            known[GIVEN + name] = value
        formulas = self._start_formulas(frozenset(replaced))
        return dict(zip(formulas, evaluate(system.graph, list(formulas.values()), known), strict=True))

    def _start_formulas(self, replaced: frozenset[str]) -> dict[str, Node]:
        """Return the formula of every value at the start; which are replaced decides which assignments hold."""
        if replaced not in self._starts:
            system = self.system
            # Sizes set by rules are wanted too: amounts are worked out from them.
            sizes = [name for name in system.compartments if name in system.rules or name in system.rates]
            names = dict.fromkeys([*self.states, *self.parameters, *sizes])
            at_start = resolve.at_start(system, replaced)
            self._starts[replaced] = {name: at_start.symbol(name) for name in names}
        return self._starts[replaced]

    @_ReadOnce
    def _starts(self) -> dict[frozenset[str], dict[str, Node]]:
        return {}

    def formula(self, text: str) -> Node:
        """Return an SBML L3 infix formula over the model's symbols, as a node in terms of what is carried on.

        Raises
        ------
        InvalidValueError
            If it is no formula.
        UnknownNameError
            If it has a symbol that the model does not have.
        """
        if text not in self.formulas:
            from gvlab.sbml.formula import FormulaReader, parsed

            tree = parsed(text)
            node = FormulaReader(self.system.graph, self._functions).read(tree)
            kinds = self.system.kinds()
            for name in sorted(self.system.graph.symbols([node])):
                if not name.endswith(" ") and name not in kinds:
                    raise UnknownNameError("symbol of the model", name, kinds)
            self.formulas[text] = self.during(node)
        return self.formulas[text]

    @_ReadOnce
    def formulas(self) -> dict[str, Node]:
        """Formulas that have been asked for, by their text."""
        return {}

    @_ReadOnce
    def _functions(self) -> Any:
        from gvlab.sbml.reader import read_functions

        return read_functions(self.sbml) if self.system.has_functions else {}

    # ------------------------------------------------------------- kept on disk

    def to_kept(self) -> dict[str, Any]:
        """Return all that has been read of the document, in a form that JSON takes."""
        system, contents = self.system, self.contents
        # What makes nodes comes before the graph is written.
        formulas = {
            "resolved": {name: self.during.symbol(name) for name in (*sorted(self.readable), *self.during.resolved)},
            "start": self._start_formulas(frozenset()),
            "nominal": self.nominal,
            "formulas": self.formulas,
        }
        return formulas | {
            "id": contents.id,
            "structure": contents.structure,
            "day": contents.day,
            "symbols": [list(vars(symbol).values()) for symbol in contents.symbols],
            "graph": system.graph.to_kept(),
            "system": {
                **{name: value for name, value in vars(system).items() if name not in ("graph", "species", "events")},
                "species": {name: list(vars(species).values()) for name, species in system.species.items()},
                "events": [vars(event) for event in system.events],
                "constant": sorted(system.constant),
            },
        }

    @classmethod
    def from_kept(cls, sbml: str, kept: Mapping[str, Any]) -> Equations:
        """Return the equations that `to_kept` wrote.

        Raises
        ------
        LookupError, TypeError, ValueError
            If something else wrote it.
        """
        graph, parts = Graph.from_kept(kept["graph"]), kept["system"]
        species = {name: Species(*some) for name, some in parts["species"].items()}
        events = [Event(**some | {"assignments": _pairs(some["assignments"])}) for some in parts["events"]]
        fields = {"species": species, "events": events, "constant": set(parts["constant"])}
        equations = cls(sbml)
        symbols = tuple(Symbol(*some) for some in kept["symbols"])
        # What is worked out once is put where it would be found once it has been.
        vars(equations).update(
            contents=Contents(kept["id"], kept["structure"], symbols, kept["day"]),
            system=EquationSystem(graph, **parts | fields),
            during=Resolver(graph, kept["resolved"]),
            nominal=kept["nominal"],
            formulas=kept["formulas"],
            _starts={frozenset(): kept["start"]},
        )
        return equations


def _pairs(lists: Iterable[list[Any]]) -> tuple[Any, ...]:
    return tuple((a, b) for a, b in lists)
