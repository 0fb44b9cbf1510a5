"""What must hold for a model and its library, one small class a rule. Each problem says what, where and the way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import libsbml

from gvlab import units
from gvlab.errors import LibraryError, UnitError, did_you_mean
from gvlab.library import Library
from gvlab.library.agent_record import AgentRecord, OperationSpec
from gvlab.library.assay_record import AssayRecord
from gvlab.library.records import PopulationRecord, SystemDose, SystemRecord
from gvlab.library.table_rows import ConditionRow
from gvlab.model.human_size import HumansHaveTheirOwnSize
from gvlab.model.model import Model
from gvlab.model.parameters import ParameterTable

_UNIT_CONSTANT = "one_"


@dataclass(frozen=True)
class Problem:
    """Something that does not hold: which rule, and what is wrong where."""

    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"


@dataclass(frozen=True)
class ModelUnderCheck:
    """What is checked: a model, and the records of a library that speak of its symbols."""

    model: Model
    table: ParameterTable = field(default_factory=lambda: ParameterTable(()))
    agents: Mapping[str, AgentRecord] = field(default_factory=dict)
    populations: Mapping[str, PopulationRecord] = field(default_factory=dict)
    conditions: tuple[ConditionRow, ...] = ()
    assays: Mapping[str, AssayRecord] = field(default_factory=dict)
    varied: frozenset[str] = frozenset()
    """Parameters that stand for what is not known of a dose."""
    own: bool = False
    """Whether there are a user's own rows: what they say in place of ours differs from the document, rightly."""

    @classmethod
    def of(cls, library: Library) -> ModelUnderCheck:
        """Return the model of a library with its records."""
        return cls(
            Model.default(library),
            ParameterTable.default(library),
            library.read_all("agents"),
            library.read_all("populations"),
            library.rows("conditions"),
            library.read_all("assays"),
            frozenset(_varied(library)),
            bool(library.own),
        )

    @property
    def used_elsewhere(self) -> frozenset[str]:
        """Parameters that agents, doses and assays name, so they need not be in the model."""
        of_agents = (name for agent in self.agents.values() for name in agent.symbols)
        return self.varied.union(of_agents, (name for assay in self.assays.values() for name in assay.parameters))


class Check(Protocol):
    """A rule: its name, and what breaks it."""

    rule: str

    def __call__(self, checked: ModelUnderCheck) -> Iterator[str]:
        """Yield what breaks the rule."""
        ...


class SbmlIsConsistent:
    """libSBML finds no error and no warning, units included."""

    rule = "SBML is consistent"

    def __call__(self, checked: ModelUnderCheck) -> Iterator[str]:
        """Yield each message of libSBML above information."""
        document = libsbml.readSBMLFromString(checked.model.sbml)
        document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, True)
        document.setConsistencyChecks(libsbml.LIBSBML_CAT_MODELING_PRACTICE, False)
        document.checkConsistency()
        for number in range(document.getNumErrors()):
            error = document.getError(number)
            if error.getSeverity() >= libsbml.LIBSBML_SEV_WARNING:
                yield f"line {error.getLine()}: {' '.join(error.getMessage().split())}"


class EverySymbolHasAUnit:
    """No species, parameter, compartment or reaction is without a unit that can be read."""

    rule = "every symbol has a unit"

    def __call__(self, checked: ModelUnderCheck) -> Iterator[str]:
        """Yield each symbol without one."""
        for symbol in checked.model.symbols.values():
            if symbol.kind == "event":
                continue
            if not symbol.unit:
                yield f'{symbol.kind} "{symbol.id}" has none. Give it one, dimensionless where it is a pure number.'
                continue
            try:
                units.check_unit(symbol.unit)
            except UnitError as error:
                yield f'{symbol.kind} "{symbol.id}": {error}'


class NothingIsUndefined:
    """Every symbol that no rule computes has a value, and every name in a formula is a symbol."""

    rule = "nothing is undefined"

    def __call__(self, checked: ModelUnderCheck) -> Iterator[str]:
        """Yield each symbol without a value, and each unknown name."""
        model = libsbml.readSBMLFromString(checked.model.sbml).getModel()
        computed = {rule.getVariable() for rule in model.getListOfRules() if rule.isAssignment()}
        computed |= {item.getSymbol() for item in model.getListOfInitialAssignments()}
        for symbol in checked.model.symbols.values():
            if symbol.kind in ("species", "parameter", "compartment") and symbol.value is None:
                rated = any(rule.isRate() and rule.getVariable() == symbol.id for rule in model.getListOfRules())
                initial = _initial(model, symbol.id) if rated else None
                if symbol.id not in computed and initial is None:
                    yield f'{symbol.kind} "{symbol.id}" has no value and no rule computes one.'
        functions = {function.getId() for function in model.getListOfFunctionDefinitions()}
        for where, names in _formulas(model):
            for name in sorted(names - set(checked.model.symbols) - functions):
                yield f'{where} uses "{name}".{did_you_mean(name, checked.model.symbols)}'


class NothingIsUnused:
    """Every constant, and every unchanging symbol, enters a formula; an agent may use it instead."""

    rule = "nothing is unused"

    def __call__(self, checked: ModelUnderCheck) -> Iterator[str]:
        """Yield each constant that no formula names."""
        model = libsbml.readSBMLFromString(checked.model.sbml).getModel()
        used = {name for _, names in _formulas(model) for name in names} | checked.used_elsewhere
        for name in checked.model.constants:
            if name not in used:
                yield f'parameter "{name}" is in no formula. Remove it, or use it.'


class TableAndModelAgree:
    """Every constant is a row of the table with the same unit and value, and every row is used."""

    rule = "table and model agree"

    def __call__(self, checked: ModelUnderCheck) -> Iterator[str]:
        """Yield each difference."""
        if not len(checked.table):
            return
        constants = set(checked.model.constants)
        base = checked.table.resolve(())
        for name in sorted(constants):
            # A unit constant (1 cell) only balances units; it is no number anybody could measure.
            if name not in checked.table:
                if not name.startswith(_UNIT_CONSTANT):
                    yield f'parameter "{name}" of the model has no row in the parameter tables. Add one.'
                continue
            for row in checked.table:
                if row.parameterId == name and not units.same_unit(row.unit, checked.model.unit(name)):
                    yield f'"{name}" is in {row.unit} in the table and in {checked.model.unit(name)} in the model.'
            value = checked.model.symbol(name).value
            if not checked.own and name in base and value is not None and value != base.value(name):
                yield f'"{name}" is {base.value(name):g} in the table and {value:g} in the model. Run `gvlab build`.'
        for name in checked.table.ids:
            if name not in constants and name not in checked.used_elsewhere:
                near = did_you_mean(name, checked.model.symbols).split(" Known")[0]
                yield f'"{name}" of the tables is neither in the model nor used by an agent or an assay.{near}'


class EverySymbolHasAnSboTerm:
    """Every species, parameter, compartment, reaction and event says what it is in the Systems Biology Ontology."""

    rule = "every symbol has an SBO term"

    def __call__(self, checked: ModelUnderCheck) -> Iterator[str]:
        """Yield each symbol without one."""
        for symbol in checked.model.symbols.values():
            if not symbol.sbo:
                yield f'{symbol.kind} "{symbol.id}" has none. Add it to annotations.tsv.'


class AgentsFitTheModel:
    """What an agent adds to, sets or mixes is in the model, changes in a run, and has the unit of what arrives."""

    rule = "agents fit the model"

    def __call__(self, checked: ModelUnderCheck) -> Iterator[str]:
        """Yield each operation that does not fit."""
        for agent in checked.agents.values():
            for name, route in agent.routes.items():
                where = f"agent {agent.name}, route {name}"
                harvested = (*route.harvest.pool, *route.harvest.phenotype) if route.harvest else ()
                for symbol in (*harvested, *(name for part in route.operations for name in (part.target, *part.pool))):
                    if symbol not in checked.model.symbols:
                        yield f'{where}: there is no "{symbol}".{did_you_mean(symbol, checked.model.symbols)}'
                for operation in route.operations:
                    yield from (f"{where}: {message}" for message in self._operation(operation, checked))

    def _operation(self, operation: OperationSpec, checked: ModelUnderCheck) -> Iterator[str]:
        known = checked.model.symbols
        if not operation.set and operation.target in known and known[operation.target].constant:
            yield f'"{operation.target}" is a constant; nothing can be added to it.'
        for part in (*operation.times, operation.to, operation.value):
            if isinstance(part, str) and part not in checked.table and part not in checked.model.symbols:
                yield f'there is no parameter "{part}".{did_you_mean(part, checked.table.ids)}'
                return
        if operation.unit and operation.target in checked.model.symbols and not operation.mix:
            factors = [_unit_of(part, checked) for part in operation.times if isinstance(part, str)]
            arriving = "*".join(f"({unit})" for unit in (operation.unit, *factors) if unit not in ("", "dimensionless"))
            wanted = checked.model.unit(operation.target)
            if not units.same_unit(arriving or "dimensionless", wanted):
                yield f'what arrives at "{operation.target}" is in {arriving}, but it is in {wanted}.'


class PopulationsFitTheTable:
    """What differs between subjects is a parameter of the tables."""

    rule = "populations fit the tables"

    def __call__(self, checked: ModelUnderCheck) -> Iterator[str]:
        """Yield each unknown parameter."""
        known = set(checked.table.ids) | set(checked.model.constants)
        for population in checked.populations.values():
            drawn = [item.parameter for item in population.variability] + [fate.parameter for fate in population.fates]
            for name in drawn:
                if name not in known:
                    yield f'population {population.name}: there is no parameter "{name}".{did_you_mean(name, known)}'


class ConditionsFitTheModel:
    """What a condition changes is in the model, or is a parameter that an agent uses."""

    rule = "conditions fit the model"

    def __call__(self, checked: ModelUnderCheck) -> Iterator[str]:
        """Yield each unknown target."""
        known = set(checked.model.symbols) | set(checked.table.ids)
        for row in checked.conditions:
            if row.targetId not in known:
                yield f'condition {row.conditionId}: there is no "{row.targetId}".{did_you_mean(row.targetId, known)}'


ALL_CHECKS: tuple[Check, ...] = (
    SbmlIsConsistent(),
    EverySymbolHasAUnit(),
    NothingIsUndefined(),
    NothingIsUnused(),
    TableAndModelAgree(),
    EverySymbolHasAnSboTerm(),
    AgentsFitTheModel(),
    PopulationsFitTheTable(),
    ConditionsFitTheModel(),
    HumansHaveTheirOwnSize(),
)
"""Every rule that a model and its library must keep."""


def check(checked: ModelUnderCheck, checks: tuple[Check, ...] = ALL_CHECKS) -> list[Problem]:
    """Return what does not hold of a model with its library; empty when all is well.

    Parameters
    ----------
    subject
        What is checked.
    checks
        The rules.
    """
    return [Problem(rule.rule, message) for rule in checks for message in rule(checked)]


def check_references(library: Library) -> list[Problem]:
    """Return what records of a library name and is not there: sources, parts of systems, populations, agents."""
    rule = "records name what exists"
    problems: list[Problem] = []
    known = library.bibliography()

    def cited(where: str, keys: tuple[str, ...]) -> None:
        problems.extend(
            Problem(rule, f'{where}: there is no source "{key}" in references.bib.{did_you_mean(key, known)}')
            for key in keys
            if key not in known
        )

    for row in library.parameter_rows():
        cited(f"parameter {row.parameterId}", row.source_keys)
    for kind in (
        "hosts",
        "donors",
        "leukemias",
        "systems",
        "populations",
        "experiments",
        "agents",
        "findings",
        "assays",
    ):
        for name, record in library.read_all(kind).items():
            cited(f"{kind}/{name}.yaml", tuple(key.strip() for key in record.source.split(";") if key.strip()))
    for row in library.rows("conditions"):
        cited(f"condition {row.conditionId}", tuple(key.strip() for key in row.source.split(";") if key.strip()))
    findings, parameters = library.names("findings"), library.names("parameters")
    for row in library.rows("edges"):
        cited(f"edge {row.edge}", row.source_keys)
        if row.switch not in parameters:
            message = f'edge {row.edge}: there is no parameter "{row.switch}".{did_you_mean(row.switch, parameters)}'
            problems.append(Problem(rule, message))
        for claim in row.claims:
            if claim not in findings:
                message = f'edge {row.edge}: there is no finding "{claim}".{did_you_mean(claim, findings)}'
                problems.append(Problem(rule, message))
    for name, system in library.read_all("systems").items():
        problems.extend(
            Problem(rule, f"systems/{name}.yaml: {message}") for message in _system_problems(system, library)
        )
    return problems


def _system_problems(system: SystemRecord, library: Library) -> Iterator[str]:
    named = [
        ("donors", system.donor),
        ("hosts", system.host),
        ("leukemias", system.leukemia),
        ("populations", system.population),
        *(("agents", dose.agent) for dose in system.doses.values()),
    ]
    for kind, name in named:
        if name is not None:
            try:
                library.read(kind, name)
            except (LookupError, LibraryError) as error:
                yield str(error)


def _varied(library: Library) -> Iterator[str]:
    """Return the parameters that doses of systems and experiments name for what is not known of them."""
    systems, experiments = library.read_all("systems").values(), library.read_all("experiments").values()
    left: list[str | SystemDose] = [dose for system in systems for dose in system.doses.values()]
    left += [dose for experiment in experiments for arm in experiment.arms for dose in arm.doses]
    while left:
        dose = left.pop()
        if isinstance(dose, str):
            continue
        if dose.varied is not None:
            yield from (name for name in (dose.varied.amount, dose.varied.day) if name is not None)
        if dose.harvest is not None:
            left += dose.harvest.doses


def _unit_of(name: str, checked: ModelUnderCheck) -> str:
    rows = [row for row in checked.table if row.parameterId == name]
    return rows[0].unit if rows else checked.model.unit(name)


def _initial(model: Any, name: str) -> float | None:
    element = model.getElementBySId(name)
    if element.getElementName() == "species":
        return 0.0 if element.isSetInitialAmount() or element.isSetInitialConcentration() else None
    return 0.0 if element.isSetValue() or element.getElementName() == "compartment" else None


def _formulas(model: Any) -> Iterator[tuple[str, set[str]]]:
    """Yield the names used in each formula of an SBML model, and where it stands."""
    for rule in model.getListOfRules():
        yield f'the rule of "{rule.getVariable()}"', _names(rule.getMath())
    for item in model.getListOfInitialAssignments():
        yield f'the initial assignment of "{item.getSymbol()}"', _names(item.getMath())
    for reaction in model.getListOfReactions():
        law = reaction.getKineticLaw()
        if law is not None:
            yield f'reaction "{reaction.getId()}"', _names(law.getMath())
    for event in model.getListOfEvents():
        where = f'event "{event.getId()}"'
        for part in (event.getTrigger(), event.getDelay(), event.getPriority(), *event.getListOfEventAssignments()):
            if part is not None and part.getMath() is not None:
                yield where, _names(part.getMath())


def _names(formula: Any) -> set[str]:
    if formula is None:
        return set()
    found = {formula.getName()} if formula.getType() in (libsbml.AST_NAME, libsbml.AST_FUNCTION) else set()
    for number in range(formula.getNumChildren()):
        found |= _names(formula.getChild(number))
    return found
