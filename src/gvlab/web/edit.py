"""What a reader does with the controls of the bench, carried out on the experiment: for page and API."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gvlab import units
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.experiment.records import protocol_of
from gvlab.library import Library
from gvlab.protocol import Arm, Condition, Dose, Protocol
from gvlab.subject import System
from gvlab.web import limits
from gvlab.web.evidence import uses
from gvlab.web.form import LineKey, chosen, form_of, keyed, ordered_lines
from gvlab.web.state import BenchState, check_look

ACTIONS = ("copy", "remove", "add", "reset")
"""What the buttons of arms do; "copy:2" is done with the third arm."""


_LAST = ("arm.name", "system", "look.arm", "experiment")


@dataclass(frozen=True)
class Edited:
    """A state after an edit.

    Attributes
    ----------
    state
        The state.
    anew
        Whether the controls themselves are others than before, so that the page prints them anew.
    notes
        What a reader should know of it.
    """

    state: BenchState
    anew: bool = False
    notes: tuple[str, ...] = ()


def edited(
    state: BenchState, library: Library, fields: Mapping[str, str], action: str = "", changed: str = ""
) -> Edited:
    """Return the state after the controls were set to some values and, if there is one, a button was pressed.

    Parameters
    ----------
    state
        Before.
    library
        Where agents, conditions and systems are read.
    fields
        What the controls hold, by name; those that hold what they held before change nothing.
    action
        A button, such as "copy:2" or "add"; "" for none.
    changed
        The control that was moved last, which wins where two of them say something of one number.

    Raises
    ------
    UnknownNameError
        If there is no such control or action.
    InvalidValueError, ProtocolError, UnitError
        If a value cannot be.
    """
    before = form_of(state, library).values()
    unknown = [name for name in fields if name not in before]
    if unknown:
        raise UnknownNameError("control of the bench", unknown[0], before)
    new = {name: value.strip() for name, value in fields.items() if value.strip() != before[name]}
    # Controls of an arm mean the arm that was chosen when they were moved; what makes others of them comes last.
    new = dict(sorted(new.items(), key=lambda item: _LAST.index(item[0]) + 1 if item[0] in _LAST else 0))
    done = Edited(state)
    for name, value in new.items():
        if name.endswith(".exact") and name.removesuffix(".exact") in new and changed != name:
            continue
        if name + ".exact" in new and changed == name + ".exact":
            continue
        done = _set(done, name, value, library, state)
    if action:
        done = _act(done, action, library)
    limits.check_cost(done.state.file)
    return done


def _set(done: Edited, name: str, value: str, library: Library, before: BenchState) -> Edited:
    state, kind = done.state, name.partition(".")[0]
    if name == "experiment":
        return Edited(BenchState.start(library, value), True)
    if name == "system":
        return _moved(state, value, library)
    if name == "agent":
        return Edited(_with_agent(state, value, library), True)
    if name in ("seed", "subjects"):
        low = 0 if name == "seed" else 1
        number = _whole(value, name, low, 2**53 if name == "seed" else limits.MAX_SUBJECTS)
        file = state.file
        file = dataclasses.replace(file, seed=number) if name == "seed" else dataclasses.replace(file, subjects=number)
        return dataclasses.replace(done, state=dataclasses.replace(state, file=file))
    if name == "until":
        text = value if value.startswith(("day", "week", "hour")) else f"day {value}"
        return Edited(state.with_experiment(state.experiment.replace(until=text)), True, done.notes)
    if kind == "look":
        key = name.partition(".")[2]
        if key in ("arm", "versus") and value and value not in [arm.name for arm in state.experiment.arms]:
            raise UnknownNameError("arm", value, [arm.name for arm in state.experiment.arms])
        looked = state.with_look(**{key: value})
        check_look(looked.look, looked.experiment)
        return Edited(looked, done.anew or key == "arm", done.notes)
    if name == "arm.name":
        return _renamed(done, value)
    if kind == "switch":
        return _on_arms(done, lambda arm: _switched(arm, name.partition(".")[2], value == "on", library))
    return _on_line(done, name, value, before)


def _on_line(done: Edited, name: str, value: str, before: BenchState) -> Edited:
    _, index, what, *_ = name.split(".")
    key, template, _ = ordered_lines(before.experiment)[int(index)]
    if what == "given":
        made = _on_arms(done, lambda arm: _given(arm, key, template, value == "on", done.state.experiment))
        return dataclasses.replace(made, anew=True)
    exact = name.endswith(".exact")

    def change(arm: Arm) -> Arm:
        doses = [_changed_dose(dose, what, value) if mine == key else dose for mine, dose in keyed(arm)]
        return arm.replace(protocol=Protocol(tuple(doses)))

    made = _on_arms(done, change)
    pushed = what != "amount" and any(
        dose.start == dose.times[-1] for arm in chosen(made.state) for mine, dose in keyed(arm) if mine == key
    )
    return dataclasses.replace(made, anew=made.anew or exact or pushed)


def _changed_dose(dose: Dose, what: str, value: str) -> Dose:
    if what == "amount":
        return dose.replace(amount=value)
    day = units.day(value)
    if what == "last":
        # A last day before the first takes the first along: a slider is moved one at a time.
        return dose.between(value if day < dose.start else dose.at, value)
    if dose.until is not None and day > units.day(dose.until):
        return dose.between(value, value)
    return dose.between(value, dose.until)


def _given(arm: Arm, key: LineKey, template: Dose, on: bool, experiment: Experiment) -> Arm:
    mine = keyed(arm)
    if on and key not in dict(mine):
        # In the order in which other arms give it: cells before the drug that is given later on the same day.
        order = [each.agent for arm in experiment.arms for each in arm.protocol]
        doses = [*arm.protocol.doses, template]
        doses.sort(key=lambda dose: (dose.start, order.index(dose.agent) if dose.agent in order else len(order)))
        return arm.replace(protocol=Protocol(tuple(doses)))
    if not on:
        return arm.replace(protocol=Protocol(tuple(dose for each, dose in mine if each != key)))
    return arm


def _switched(arm: Arm, condition: str, on: bool, library: Library) -> Arm:
    if on:
        return arm if condition in arm.condition.names else arm.under(condition, library)
    parts = arm.condition.parts or (arm.condition,)
    kept = tuple(part for part in parts if condition not in part.names)
    return arm.replace(condition=Condition.of(kept))


def _on_arms(done: Edited, change: Callable[[Arm], Arm]) -> Edited:
    state = done.state
    names = {arm.name for arm in chosen(state)}
    arms = tuple(change(arm) if arm.name in names else arm for arm in state.experiment.arms)
    return dataclasses.replace(done, state=state.with_experiment(state.experiment.replace(arms=arms)))


def _renamed(done: Edited, value: str) -> Edited:
    state, old = done.state, done.state.look.arm
    arms = tuple(arm.replace(name=value) if arm.name == old else arm for arm in state.experiment.arms)
    state = state.with_experiment(state.experiment.replace(arms=arms)).with_look(arm=value)
    if state.look.versus == old:
        state = state.with_look(versus=value)
    return Edited(state, True, done.notes)


def _moved(state: BenchState, name: str, library: Library) -> Edited:
    """Return the experiment in another system: doses of the old one become those of the new, changes stay."""
    experiment, new = state.experiment, System.read(name, library)
    old = {each: protocol_of((each,), experiment.system, "the bench").doses[0] for each in experiment.system.doses}
    notes: dict[str, None] = {}
    arms = []
    for arm in experiment.arms:
        doses = []
        for dose in arm.protocol:
            named = next((each for each, theirs in old.items() if theirs.agent == dose.agent), None)
            if named is None:
                doses.append(dose)
            elif named not in new.doses:
                notes[f"{new.title} has no dose named {named.replace('_', ' ')}; it was left out."] = None
            else:
                base = protocol_of((named,), new, "the bench").doses[0]
                words = ("amount", "at", "every", "until", "route")
                kept = {word: getattr(dose, word) for word in words if getattr(dose, word) != getattr(old[named], word)}
                doses.append(base.replace(**kept))
        arms.append(arm.replace(protocol=Protocol(tuple(doses))))
    moved = Experiment(
        experiment.title, system=new, arms=arms, assays=experiment.assays, endpoints=experiment.endpoints,
        until=experiment.until, name=experiment.name,
    )  # fmt: skip
    return Edited(state.with_experiment(moved), True, tuple(notes))


def _with_agent(state: BenchState, agent: str, library: Library) -> BenchState:
    known = uses(library)
    if agent not in known:
        raise UnknownNameError("agent that a record gives", agent, known)
    dose = protocol_of((known[agent].example,), state.experiment.system, "the bench").doses[0]
    done = _on_arms(Edited(state), lambda arm: _given(arm, (agent, 0), dose, True, state.experiment))
    return done.state


def _act(done: Edited, action: str, library: Library) -> Edited:
    verb, _, which = action.partition(":")
    if verb not in ACTIONS:
        raise UnknownNameError("action of the bench", action, ACTIONS)
    state, experiment = done.state, done.state.experiment
    if verb == "reset":
        return Edited(BenchState.start(library, experiment.name, experiment.system.name), True)
    arms = list(experiment.arms)
    place = _whole(which, f'the arm of "{action}"', 0, len(arms) - 1) if verb != "add" else 0
    if verb == "remove":
        if len(arms) == 1:
            raise InvalidValueError("An experiment has at least one arm; this is the last.")
        gone = arms.pop(place)
        versus = "" if state.look.versus == gone.name else state.look.versus
        arm = arms[min(place, len(arms) - 1)].name if state.look.arm == gone.name else state.look.arm
        look = {"arm": arm, "versus": versus}
    else:
        source = arms[place] if verb == "copy" else Arm("New arm", _common(experiment), n=arms[0].n)
        name = _free_name(source.name if verb == "add" else f"{source.name} (copy)", [arm.name for arm in arms])
        arms.insert(place + 1 if verb == "copy" else len(arms), source.replace(name=name))
        look = {"arm": name}
    state = state.with_experiment(experiment.replace(arms=tuple(arms)))
    return Edited(state.with_look(**look), True, done.notes)


def _common(experiment: Experiment) -> Protocol:
    """Return what every arm is given."""
    return Protocol(tuple(dose for _, dose, common in ordered_lines(experiment) if common))


def _free_name(wanted: str, taken: list[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted} {number}", number + 1
    return name


def _whole(text: str, what: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text[:20]) <= high:
        raise InvalidValueError(f'{what} is "{text}"; it is a whole number from {low:,} to {high:,}.')
    return int(text)
