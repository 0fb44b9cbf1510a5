"""The controls of the bench as data: what there is to move, where it stands, and what of it is beyond any record.

An agent that is given anywhere in the experiment, or belongs to the system, is a line; a line has a switch and sliders.
A slider goes over words ("10 mg/kg", "day 4"): the page sends the word, and needs to know nothing of what it means.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gvlab import units
from gvlab.experiment import Experiment
from gvlab.experiment.records import protocol_of
from gvlab.library import Library
from gvlab.protocol import Arm, Dose
from gvlab.web.evidence import AgentUse, short, uses
from gvlab.web.state import BenchState

LineKey = tuple[str, int]
"""An agent, and which of its doses in an arm: the first, the second."""

_STEPS, _TOP = 40, 4.0
_MANTISSAS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_DAYS = 60


@dataclass(frozen=True)
class Slider:
    """A slider over words.

    Attributes
    ----------
    name, label
        What the page calls it, and what a reader does.
    words
        Where it can stand.
    at
        Where it stands.
    beyond
        Why this is beyond any record, in words; "" where it is not.
    exact
        Whether another word may be written.
    """

    name: str
    label: str
    words: tuple[str, ...]
    at: int
    beyond: str = ""
    exact: bool = False

    @property
    def word(self) -> str:
        """The word at which it stands."""
        return self.words[self.at]


@dataclass(frozen=True)
class AgentLine:
    """An agent of the chosen arms.

    Attributes
    ----------
    key, title
        Which agent, and what a reader calls it.
    name
        What the page calls its switch.
    given, partly
        Whether a chosen arm is given it; in how many of the chosen arms, in words, where not in all.
    sliders
        Amount, first day and, if it is given again, last day; none where it is not given.
    common
        Whether every arm is given the same.
    """

    key: LineKey
    title: str
    name: str
    given: bool
    partly: str
    sliders: tuple[Slider, ...]
    common: bool


@dataclass(frozen=True)
class Switch:
    """A condition of the library, on or off in the chosen arms."""

    name: str
    title: str
    note: str
    on: bool
    partly: str = ""


@dataclass(frozen=True)
class BenchForm:
    """Everything a reader can change, as it stands.

    Attributes
    ----------
    experiments, systems
        Names and titles to choose from.
    state
        What it was made of.
    lines
        Agents that differ between arms, then those that are common.
    switches
        Conditions, those that are on first.
    agents
        Names and titles of agents that can be added.
    """

    experiments: tuple[tuple[str, str], ...]
    systems: tuple[tuple[str, str], ...]
    state: BenchState
    lines: tuple[AgentLine, ...]
    switches: tuple[Switch, ...]
    agents: tuple[tuple[str, str], ...]

    def values(self) -> dict[str, str]:
        """Return what each control holds, by its name: what a page sends that was not touched."""
        state = self.state
        found = {
            "experiment": state.experiment.name,
            "system": state.experiment.system.name,
            "seed": str(state.seed),
            "subjects": str(state.subjects),
            "until": f"{state.experiment.last_day:g}",
            "look.arm": state.look.arm,
            "look.versus": state.look.versus,
            "look.tab": state.look.tab,
            "look.second": state.look.second,
            "look.day": state.look.day,
            "look.assay": state.look.assay,
            "arm.name": state.look.arm,
            "agent": "",
        }
        for line in self.lines:
            found[line.name] = "on" if line.given and not line.partly else ""
            for slider in line.sliders:
                found[slider.name] = slider.word
                if slider.exact:
                    found[f"{slider.name}.exact"] = slider.word
        found.update({switch.name: "on" if switch.on and not switch.partly else "" for switch in self.switches})
        return found


def chosen(state: BenchState) -> tuple[Arm, ...]:
    """Return the arms whose controls are shown."""
    arms = state.experiment.arms
    return tuple(arm for arm in arms if arm.name == state.look.arm) or arms


def lines_of(experiment: Experiment) -> dict[LineKey, Dose]:
    """Return every agent that is given in an arm or belongs to the system, with the dose that a switch gives."""
    found: dict[LineKey, Dose] = {}
    for arm in reversed(experiment.arms):
        found.update({key: dose for key, dose in keyed(arm) if key not in found})
    for name in experiment.system.doses:
        for dose in protocol_of((name,), experiment.system, "the bench"):
            found.setdefault((dose.agent, 0), dose)
    return found


def keyed(arm: Arm) -> tuple[tuple[LineKey, Dose], ...]:
    """Return the doses of an arm, each with its line."""
    counts: dict[str, int] = {}
    found = []
    for dose in arm.protocol:
        number = counts.get(dose.agent, 0)
        counts[dose.agent] = number + 1
        found.append(((dose.agent, number), dose))
    return tuple(found)


def ordered_lines(experiment: Experiment) -> list[tuple[LineKey, Dose, bool]]:
    """Return the lines in the order of the page: what differs between arms, then what is common to all."""
    by_arm = [dict(keyed(arm)) for arm in experiment.arms]

    def common(key: LineKey) -> bool:
        return all(key in each and each[key] == by_arm[0][key] for each in by_arm)

    rows = [(key, dose, common(key)) for key, dose in lines_of(experiment).items()]
    return sorted(rows, key=lambda row: row[2])


def form_of(state: BenchState, library: Library) -> BenchForm:
    """Return the controls of a state."""
    experiment = state.experiment
    names = library.names("experiments")
    titles = tuple((name, library.read("experiments", name).title) for name in names)
    systems = library.read("experiments", experiment.name).systems if experiment.name in names else ()
    if experiment.system.name not in systems:
        systems = (experiment.system.name, *systems)
    known = library.derived("agents of the bench", ("parameters",), lambda: uses(library))
    lines = tuple(
        _line(index, key, dose, common, state, known)
        for index, (key, dose, common) in enumerate(ordered_lines(experiment))
    )
    return BenchForm(
        titles if experiment.name in names else ((experiment.name, experiment.title), *titles),
        tuple((name, library.read("systems", name).title) for name in systems),
        state,
        lines,
        _switches(state, library),
        _addable(experiment, known, library),
    )


def _line(index: int, key: LineKey, dose: Dose, common: bool, state: BenchState, known: Any) -> AgentLine:
    arms = chosen(state)
    having = [mine for arm in arms for mine_key, mine in keyed(arm) if mine_key == key]
    partly = f"in {len(having)} of {len(arms)} arms" if 0 < len(having) < len(arms) else ""
    name = f"line.{index}"
    sliders = _sliders(name, having[0], known.get(dose.agent), state.experiment.last_day) if having else ()
    number = f" ({key[1] + 1})" if key[1] else ""
    return AgentLine(key, dose.agent_definition.title + number, f"{name}.given", bool(having), partly, sliders, common)


def _sliders(name: str, dose: Dose, use: AgentUse | None, last_day: float) -> tuple[Slider, ...]:
    beyond = use.amount_beyond(dose.quantity) if use else "no record gives it"
    days = use.days_beyond(dose.start, dose.times[-1]) if use else ""
    amounts = _amounts(dose, use)
    found = [Slider(f"{name}.amount", "Dose", *_place(amounts, dose.amount), beyond, exact=True)]
    first = _days(dose.start, min(0.0, math.floor(dose.start)), last_day)
    again = dose.every is not None and dose.until is not None
    found.append(Slider(f"{name}.first", "First day" if again else "Day", *_place(first, dose.at), days))
    if again:
        last = _days(units.day(str(dose.until)), min(0.0, math.floor(dose.start)), last_day)
        found.append(Slider(f"{name}.last", "Last day", *_place(last, str(dose.until)), days))
    return tuple(found)


def _amounts(dose: Dose, use: AgentUse | None) -> list[str]:
    """Return the amounts a slider goes over: over decades for cells, in even steps for all else."""
    unit, here = dose.quantity.unit, dose.quantity.value
    top = here
    if use is not None and units.can_convert(use.unit, unit):
        top = float(units.convert(use.high, use.unit, unit))
    if top <= 0:
        return [dose.amount]
    if dose.agent_definition.record.kind == "cells":
        decade = math.floor(math.log10(top))
        values = [m * 10.0**power for power in range(decade - 2, decade + 3) for m in _MANTISSAS]
        values = [value for value in values if top / 100 <= value <= top * 100]
    else:
        step = top * _TOP / _STEPS
        values = [step * number for number in range(0 if dose.route_definition.counts_amount else 1, _STEPS + 1)]
    return [f"{short(value)} {unit}" for value in values]


def _days(here: float, low: float, last_day: float) -> list[str]:
    high = max(min(last_day - 1, _DAYS), math.ceil(here))
    return [f"day {day:g}" for day in range(int(low), int(high) + 1)]


def _place(words: Sequence[str], here: str) -> tuple[tuple[str, ...], int]:
    """Return the words with the one that holds now among them, in order, and its place."""
    if here in words:
        return tuple(words), list(words).index(here)
    size = [_size(word) for word in words]
    mine = _size(here)
    same = [place for place, value in enumerate(size) if math.isclose(value, mine, rel_tol=1e-12, abs_tol=1e-12)]
    if same:
        return (*words[: same[0]], here, *words[same[0] + 1 :]), same[0]
    place = sum(value < mine for value in size)
    return (*words[:place], here, *words[place:]), place


def _size(word: str) -> float:
    return units.day(word) if word.split()[0].isalpha() else units.amount(word).value


def _switches(state: BenchState, library: Library) -> tuple[Switch, ...]:
    arms = chosen(state)
    found = []
    for name, (title, notes) in _conditions(library).items():
        on = sum(name in arm.condition.names for arm in arms)
        partly = f"in {on} of {len(arms)} arms" if 0 < on < len(arms) else ""
        found.append(Switch(f"switch.{name}", title, notes, on > 0, partly))
    return tuple(sorted(found, key=lambda switch: not switch.on))


def _conditions(library: Library) -> dict[str, tuple[str, str]]:
    """Return title and notes of every condition of the library, by name."""

    def made() -> dict[str, tuple[str, str]]:
        found = {}
        for name in library.names("conditions"):
            rows = library.condition_rows(name)
            title = next((row.conditionName for row in rows if row.conditionName), "") or readable(name)
            found[name] = (title, ". ".join(dict.fromkeys(row.note.rstrip(".") for row in rows if row.note)))
        return found

    return library.derived("conditions of the bench", ("conditions",), made)


def condition_title(name: str, library: Library) -> str:
    """Return what a reader calls a condition: the title that the library gives, else its name as words."""
    found = _conditions(library).get(name)
    return readable(name) if found is None else found[0]


def readable(name: str) -> str:
    """Return a name of the library as words: a part with letters and digits is a symbol and stands in capitals."""
    words = [each.upper() if re.fullmatch(r"[a-z]+\d+", each) else each for each in name.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _addable(experiment: Experiment, known: Any, library: Library) -> tuple[tuple[str, str], ...]:
    there = {agent for agent, _ in lines_of(experiment)}
    found: Iterable[tuple[str, str]] = (
        (agent, library.read("agents", agent).title)
        for agent, use in sorted(known.items())
        if agent not in there
        and use.example.harvest is None
        and library.read("agents", agent).kind in ("drug", "antibody")
        and use.example.route in (None, library.read("agents", agent).first_route)
    )
    return tuple(found)
