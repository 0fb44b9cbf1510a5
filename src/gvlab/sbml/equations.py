"""The mathematics of an SBML document: all that an engine knows of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import libsbml

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.sbml import resolve as equations_resolve
from gvlab.sbml.evaluate import evaluate
from gvlab.sbml.graph import Node
from gvlab.sbml.precheck import precheck
from gvlab.sbml.reader import System, read, symbol_kinds
from gvlab.sbml.resolve import GIVEN, Resolver


@dataclass(frozen=True)
class Equations:
    """The equations of an SBML document.

    The document is read when something in it is asked for, once.

    Parameters
    ----------
    sbml
        The text of the document. Use `from_sbml`, which looks at the text before any parser does.
    """

    sbml: str

    @classmethod
    def from_sbml(cls, text: str) -> Equations:
        """Take an SBML text.

        Raises
        ------
        ModelError
            If the text is hostile or no well-formed SBML (see `equations_precheck`).
        """
        precheck(text)
        return cls(text)

    def __getstate__(self) -> dict[str, str]:
        # What has been read is not sent to other processes; they read it themselves.
        return {"sbml": self.sbml}

    @cached_property
    def system(self) -> System:
        """The document, read."""
        return read(self.sbml)

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Species that no assignment rule sets, then everything else with a rate rule."""
        return self.system.states

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Parameters, compartments and named stoichiometries that no rule sets. Their values can be replaced."""
        system = self.system
        names = [*system.parameters, *system.compartments, *dict.fromkeys(system.references)]
        return tuple(name for name in names if name not in system.rules and name not in system.rates)

    @cached_property
    def assigned(self) -> tuple[str, ...]:
        """What is set by assignment rules."""
        return tuple(self.system.rules)

    @cached_property
    def reactions(self) -> tuple[str, ...]:
        """Ids of the reactions; as outputs, their rates."""
        return tuple(self.system.reactions)

    @cached_property
    def events(self) -> tuple[str, ...]:
        """Ids of the events, in document order."""
        return tuple(event.id for event in self.system.events)

    @cached_property
    def changeable(self) -> tuple[str, ...]:
        """States, and the parameters that an event, a dose or a switch may change."""
        constant = self.system.constant
        return (*self.states, *(name for name in self.parameters if name not in constant))

    @cached_property
    def nominal(self) -> dict[str, float]:
        """Initial value of every state and parameter, as the document gives them."""
        return {name: float(value) for name, value in self.initial({}).items()}

    @cached_property
    def during(self) -> Resolver:
        """Writes a formula in terms of what is carried on, parameters, and time."""
        return equations_resolve.during(self.system)

    def kind(self, name: str) -> str:
        """Tell what a symbol is: species, parameter, compartment, stoichiometry or reaction.

        Raises
        ------
        UnknownNameError
            If the model has no such symbol.
        """
        kinds = symbol_kinds(self.system)
        if name not in kinds:
            raise UnknownNameError("symbol of the model", name, kinds)
        return kinds[name]

    def initial(self, replaced: Mapping[str, Any], start: float = 0.0) -> dict[str, Any]:
        """Give the value of every state and parameter at the start.

        A replaced symbol loses its initial assignment; the others are evaluated with the new values.

        Parameters
        ----------
        replaced
            Values that replace those of the document: numbers, or arrays of shape (subject,).
        start
            Time at which formulas are evaluated.

        Returns
        -------
        By name; an array where it depends on an array.

        Raises
        ------
        UnknownNameError
            If the model has no such state or parameter.
        """
        system = self.system
        names = [*self.states, *self.parameters]
        for name in replaced:
            if name not in system.values or name in system.rules:
                raise UnknownNameError("state or parameter of the model", name, names)
        known: dict[str, Any] = {"time ": start}
        for name, value in {**system.values, **replaced}.items():
            known[name] = value
            known[GIVEN + name] = value
        formulas = self._start_formulas(frozenset(replaced))
        return dict(zip(formulas, evaluate(system.graph, list(formulas.values()), known), strict=True))

    def _start_formulas(self, replaced: frozenset[str]) -> dict[str, Node]:
        """Give the formula of every value at the start; which are replaced decides which initial assignments hold."""
        if replaced not in self._starts:
            system = self.system
            resolve = equations_resolve.at_start(system, replaced)
            # Sizes set by rules are wanted too: amounts are worked out from them.
            sizes = [name for name in system.compartments if name in system.rules or name in system.rates]
            names = dict.fromkeys([*self.states, *self.parameters, *sizes])
            self._starts[replaced] = {name: resolve(system.graph.symbol(name)) for name in names}
        return self._starts[replaced]

    @cached_property
    def _starts(self) -> dict[frozenset[str], dict[str, Node]]:
        return {}

    def formula(self, text: str) -> Node:
        """Read an SBML L3 infix formula over the model's symbols, as a node in terms of what is carried on.

        Raises
        ------
        InvalidValueError
            If it is no formula.
        UnknownNameError
            If it has a symbol that the model does not have.
        """
        settings = libsbml.L3ParserSettings()
        tree = libsbml.parseL3FormulaWithSettings(text, settings) if len(text) < 20_000 else None
        if tree is None:
            reason = (libsbml.getLastParseL3Error() or "").strip().splitlines()
            raise InvalidValueError(f'"{text[:200]}" is not a formula{": " + reason[-1] if reason else ""}.')
        node = self.system.reader.read(tree)
        kinds = symbol_kinds(self.system)
        for name in sorted(self.system.graph.symbols([node])):
            if not name.endswith(" ") and name not in kinds:
                raise UnknownNameError("symbol of the model", name, kinds)
        return self.during(node)
