"""What runs in a child process: one live libRoadRunner model, one subject after another."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from typing import Any

import libsbml
import numpy as np
import roadrunner

from gvlab.engine.request import NOTHING
from gvlab.engine.roadrunner.pool import receive, send
from gvlab.engine.status import Status
from gvlab.sbml.equations import Equations
from gvlab.sbml.evaluate import evaluate
from gvlab.sbml.names import AMOUNT, TIME

_STOP = "gvlab_next_stop_"

_MOMENT = 1e-9
"""Days by which time goes on after operations, relative to the time where that is larger than 1."""

_BEFORE = 1e-10
"""Days, likewise, by which operations come early: they come before the events of their time, whose values libRoadRunner
takes when it finds all of them at once."""


class LiveModel:
    """One model in libRoadRunner, and what has been asked of it.

    Two live instances of the same model in one process disturb each other's event handling, so a process keeps one.
    """

    def __init__(self, sbml: str) -> None:
        self.sbml = sbml
        self.equations = Equations(sbml)
        self.runner = roadrunner.RoadRunner(_prepared(self.equations))
        self.log: list[tuple[int, float]] = []
        self.stop: set[int] = set()
        self.ended = math.inf
        self.last: list[float] = []
        self.at_stop: Callable[[], None] | None = None
        self.stop_time = math.inf
        self._listeners = []
        for number, name in enumerate(self.equations.events):
            listener = self.runner.model.getEvent(name)
            listener.setOnAssignment(lambda model, _index, _name, number=number: self._fired(model, number))
            self._listeners.append(listener)
        listener = self.runner.model.getEvent(_STOP + "event")
        listener.setOnAssignment(lambda _model, _index, _name: self._operate())
        self._listeners.append(listener)

    def _fired(self, model: Any, number: int) -> None:
        time = float(model.getTime())
        if abs(time - self.stop_time) <= 2.0 * _BEFORE * max(1.0, abs(time)):
            time = self.stop_time  # what operations set off happens at their time
        if time > self.ended:
            # Halting libRoadRunner would leave it unfit for the next subject; it goes on to the next stop unheard.
            return
        self.log.append((number, time))
        if number in self.stop:
            self.ended = time
        if self.stopped:
            self.last = [self.get(name) for name in self.equations.changeable]

    def _operate(self) -> None:
        if self.at_stop is not None:
            self.at_stop()

    @property
    def stopped(self) -> bool:
        """Whether a stop event has happened. Others at the very same time still count."""
        return self.ended < math.inf

    def accessor(self, name: str) -> str:
        """Return libRoadRunner's name for the value of a symbol as formulas mean it."""
        species = self.equations.system.species.get(name)
        return f"[{name}]" if species is not None and not species.amount else name

    def get(self, name: str) -> float:
        """Read a symbol."""
        return float(self.runner.getValue(self.accessor(name)))

    def set(self, name: str, value: float) -> None:
        """Write a symbol."""
        self.runner.setValue(self.accessor(name), float(value))

    def known(self, time: float) -> dict[str, float]:
        """Return all that formulas are written in."""
        system = self.equations.system
        known = {name: self.get(name) for name in (*self.equations.states, *self.equations.parameters)}
        for name, species in system.species.items():
            if species.dissolved and name in known:
                size = self.get(species.compartment) if species.compartment else 1.0
                known[AMOUNT + name] = known[name] * size
        known[TIME] = time
        return known


class Job:
    """One call of the engine: what is the same for all its subjects."""

    def __init__(self, live: LiveModel, job: dict[str, Any]) -> None:
        self.live = live
        self.times: np.ndarray[Any, Any] = job["times"]
        self.outputs = [live.accessor(name) for name in job["outputs"]]
        self.operations = job["operations"]
        equations = live.equations
        live.stop = {equations.events.index(name) for name in job["stop"]}
        self.guards = [equations.formula(guard) if guard else None for _, _, _, guard in self.operations]
        self.states = {*equations.states}
        self.order = [*equations.parameters, *equations.states]
        integrator = live.runner.getIntegrator()
        integrator.setValue("relative_tolerance", job["relative"])
        integrator.setValue("absolute_tolerance", job["absolute"])
        integrator.setValue("maximum_num_steps", int(job["max_steps"]))
        integrator.setValue("stiff", True)
        self.integrator = integrator
        self.scaled = frozenset(job["scale"])
        # A boundary species is a state of ours that libRoadRunner does not integrate.
        integrated = {*live.runner.model.getFloatingSpeciesIds(), *live.runner.model.getRateRuleSymbols()}
        self.tolerance = {
            name: job["absolute"] * job["scale"].get(name, 1.0) for name in equations.states if name in integrated
        }
        # libRoadRunner carries amounts of species, whatever the document has.
        species = equations.system.species
        self.volume = {name: species[name].compartment for name in equations.states if name in species}
        live.runner.timeCourseSelections = ["time", *self.outputs]

    def subject(self, chunk: dict[str, Any], index: int) -> dict[str, Any]:
        """Solve for one subject."""
        live = self.live
        values = np.full((self.times.size, len(self.outputs)), np.nan)
        run = _Run(self, chunk, index, values, float(self.times[-1]))
        status = self._follow(run, chunk, index)
        final = live.last if live.stopped else [live.get(name) for name in live.equations.changeable]
        log, ended = list(live.log), run.time
        if run.failed_afterwards:
            # libRoadRunner goes on with those who have ended; where it gives up there, that stretch has no readings.
            before = self.times[self.times < ended]
            if before.size > 1:
                self._follow(_Run(self, chunk, index, values, float(before[-1])), chunk, index)
        given = [chunk["values"][name][index] for name in self.order]
        undefined = not np.all(np.isfinite(values)) if status is Status.FINISHED else not np.all(np.isfinite(given))
        if undefined and status is not Status.STOPPED_BY_EVENT:
            status = Status.NOT_FINITE
        return {"status": int(status), "values": values, "end": ended, "final": final, "log": log}

    def _follow(self, run: _Run, chunk: dict[str, Any], index: int) -> Status:
        """Let a run begin with the values of a subject, and end."""
        live = self.live
        live.runner.resetToOrigin()
        live.log.clear()
        live.ended = math.inf
        for name in self.order:
            # Sizes of compartments come before the concentrations in them.
            value = chunk["values"][name][index]
            # libRoadRunner makes its tolerances from initial values, and fails where these are next to nothing.
            live.set(name, 0.0 if name in self.states and abs(value) < NOTHING else value)
        # One tolerance for all states libRoadRunner would take anew after each event, relative to what a state is then;
        # rounding that stands in the place of zero would have to be solved to ten digits, and CVODE gives up.
        begin = self._begin(chunk, index)
        largest = min(1.0, max(begin.values(), default=0.0)) or 1.0
        for name, tolerance in self.tolerance.items():
            small = 1.0 if name in self.scaled else min(1.0, begin[name] or largest)
            volume = self.volume.get(name, "")
            size = abs(live.get(volume)) if volume and not live.equations.system.species[name].amount else 1.0
            self.integrator.setIndividualTolerance(name, tolerance * small * (size or 1.0))
        return run.follow()

    def _begin(self, chunk: dict[str, Any], index: int) -> dict[str, float]:
        """Return of each state the least that it begins with or is given, 0 where that is nothing.

        As for the ensemble engine, so little of a state is not lost in its tolerance.
        """
        found = {name: abs(float(chunk["values"][name][index])) for name in self.tolerance}
        found = {name: 0.0 if value < NOTHING else value for name, value in found.items()}
        for number, (kind, target, *_) in enumerate(self.operations):
            given = abs(float(chunk["value"][number][index]))
            if kind in ("add", "set") and target in found and given >= NOTHING:
                found[target] = min(found[target] or given, given)
        return found


class _Run:
    """One subject on its way to a last time."""

    failed_afterwards = False
    """Whether what comes after the end of a subject could not be solved."""

    def __init__(self, job: Job, chunk: dict[str, Any], index: int, values: np.ndarray[Any, Any], end: float) -> None:
        self.job = job
        self.values = values
        self.time = float(job.times[0])
        self.end = end
        self.doses: dict[float, list[tuple[int, float, float]]] = {}
        for number in range(len(job.operations)):
            time = float(chunk["time"][number][index])
            if time <= end:
                value, added = float(chunk["value"][number][index]), float(chunk["added"][number][index])
                self.doses.setdefault(time, []).append((number, value, added))

    def follow(self) -> Status:
        """Go from stop to stop."""
        job, live = self.job, self.job.live
        start, end = float(job.times[0]), self.end
        try:
            self._begin()
            for stop in sorted(time for time in self.doses if time > start):
                if live.stopped:
                    break
                self._until(stop, then=self._operate_all)
            if not live.stopped and self.time < end:
                self._until(end)
        except RuntimeError as error:
            if not live.stopped:
                return _status(str(error))
            self.failed_afterwards = True
        if live.stopped:
            self.time = live.ended
            return Status.STOPPED_BY_EVENT
        return Status.FINISHED

    def _at_stop(self, time: float, then: Callable[[float], None], exact: list[float]) -> None:
        then(time)
        exact[:] = [float(self.job.live.runner.getValue(name)) for name in self.job.outputs]

    def _operate_all(self, time: float) -> None:
        for operation in self.doses.get(time, ()):
            self._operate(time, *operation)

    def _operate(self, time: float, number: int, value: float, added: float) -> None:
        live = self.job.live
        kind, target, pool, _ = self.job.operations[number]
        guard = self.job.guards[number]
        if guard is not None:
            held = evaluate(live.equations.system.graph, [guard], live.known(time))[0]
            if not bool(held):
                return
        if kind == "add":
            live.set(target, live.get(target) + value)
        elif kind == "set":
            live.set(target, value)
        elif kind == "approach":
            live.set(target, value + (live.get(target) - value) * added)
        else:
            there = sum(live.get(name) for name in pool)
            if there + added > 0:
                live.set(target, (there * live.get(target) + added * value) / (there + added))

    def _begin(self) -> None:
        """Do what is to be done at the start, let the events there happen, and read.

        What is changed before a simulation sets off no event, also none whose trigger is said to be false before the
        start; so what is given at the start is given a moment after it.
        """
        start, live = float(self.job.times[0]), self.job.live
        size, exact = max(1.0, abs(start)), list[float]()
        given = start in self.doses
        if given:
            live.runner.setValue(_STOP, start + _BEFORE * size)
            live.stop_time = start
            live.at_stop = lambda: self._at_stop(start, self._operate_all, exact)
        later = start + _MOMENT * size
        data = np.asarray(live.runner.simulate(times=[start, later]))
        live.at_stop, live.stop_time = None, math.inf
        self.time = later
        self.values[0] = data[0, 1:] if not given else exact if exact and not live.log else data[-1, 1:]

    def _until(self, stop: float, then: Callable[[float], None] | None = None) -> None:
        """Go to a stop, and do what is to be done there."""
        exact: list[float] = []
        happened = len(self.job.live.log)
        job, live = self.job, self.job.live
        times = job.times
        inside = times[(times > self.time) & (times < stop)]
        later = stop
        if then is not None:
            later = stop + _MOMENT * max(1.0, abs(stop))
            early = stop - _BEFORE * max(1.0, abs(stop))
            live.runner.setValue(_STOP, max(early, 0.5 * (self.time + stop)))
            live.stop_time = stop
            live.at_stop = lambda: self._at_stop(stop, then, exact)
        data = np.asarray(live.runner.simulate(times=[self.time, *inside.tolist(), later]))
        live.at_stop, live.stop_time = None, math.inf
        ended = live.ended
        rows = np.searchsorted(times, inside)
        keep = inside < ended
        self.values[rows[keep]] = data[1 : 1 + inside.size, 1:][keep]
        row = int(np.searchsorted(times, stop))
        if row < times.size and times[row] == stop and stop <= ended:
            # Where no event followed the operations, what they left is the reading, not what it was a moment later.
            self.values[row] = exact if exact and len(live.log) == happened else data[-1, 1:]
        self.time = later


def _status(message: str) -> Status:
    if "TOO_MUCH_WORK" in message or "mxstep" in message:
        return Status.STEP_LIMIT
    if "ERR_FAILURE" in message or "CONV_FAILURE" in message:
        return Status.STEP_TOO_SMALL
    return Status.ENGINE_FAILED


def _prepared(equations: Equations) -> str:
    """Write the document for libRoadRunner.

    Without initial assignments: their values are worked out for each subject beforehand. With an event of our own that
    stops at the next operation: what is changed from outside, between two simulations, sets off no event.
    """
    document = libsbml.readSBMLFromString(equations.sbml)
    model = document.getModel()
    assignments = model.getListOfInitialAssignments()
    while assignments.size():
        assignments.remove(0)
    for parameter in model.getListOfParameters():
        if not parameter.isSetValue():
            # libRoadRunner refuses a parameter without a value, even where it is given one a moment later.
            value = equations.nominal.get(parameter.getId(), 0.0)
            parameter.setValue(value if np.isfinite(value) else 0.0)
    for number in range(model.getNumEvents()):
        event = model.getEvent(number)
        if not event.isSetIdAttribute():
            event.setIdAttribute(equations.events[number].replace(" ", "_"))
    stop = model.createParameter()
    stop.setId(_STOP)
    stop.setConstant(False)
    stop.setValue(1e300)
    event = model.createEvent()
    event.setIdAttribute(_STOP + "event")
    event.setUseValuesFromTriggerTime(True)
    trigger = event.createTrigger()
    trigger.setMath(libsbml.parseL3Formula(f"time >= {_STOP}"))
    if model.getLevel() > 2:
        trigger.setInitialValue(True)
        trigger.setPersistent(True)
        event.createPriority().setMath(libsbml.parseL3Formula("1e300"))
    assignment = event.createEventAssignment()
    assignment.setVariable(_STOP)
    assignment.setMath(libsbml.parseL3Formula(_STOP))
    return str(libsbml.writeSBMLToString(document))


def main() -> None:
    """Serve jobs until the pipe closes."""
    # libRoadRunner prints to the standard output; the answers keep a channel of their own.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    roadrunner.Logger.disableLogging()
    send(answers, "ready")
    live: LiveModel | None = None
    job: Job | None = None
    failure = ""
    while True:
        try:
            kind, content = receive(sys.stdin.buffer)
        except EOFError:
            return
        if kind == "job":
            failure = ""
            try:
                if live is None or live.sbml != content["sbml"]:
                    live = None
                    live = LiveModel(content["sbml"])
                job = Job(live, content)
            except Exception as error:
                live, job, failure = None, None, str(error)
            continue
        for index in range(content["count"]):
            if job is None:
                send(answers, {"refused": failure})
            else:
                send(answers, job.subject(content, index))
