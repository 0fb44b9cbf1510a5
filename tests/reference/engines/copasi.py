"""COPASI behind our contract: each subject is written as a document with its doses, as users export it, and run there.

COPASI tells no event times, so each event of the document also writes down when it happened; nothing else is added.

Traps of COPASI: without `forceCompile` it ignores conversion factors; by default it names what it returns by display
name; its default tolerances are too loose for this comparison; and it does not tell what never changes between events.
"""

from __future__ import annotations

import locale
from collections.abc import Mapping, Sequence

import libsbml
import numpy as np
import numpy.typing as npt

from gvlab.engine import EVENT_LOG, Cancel, Operation, Options, PerSubject, Progress, Solution, Status
from gvlab.errors import CancelledError
from gvlab.sbml.equations import Equations
from gvlab.simulation.export import with_doses

_LETTERS = locale.setlocale(locale.LC_CTYPE)
import basico  # noqa: E402

# COPASI sets the whole process to plain ASCII when it is loaded; other tests read text after this one.
locale.setlocale(locale.LC_CTYPE, _LETTERS)

FloatArray = npt.NDArray[np.float64]

MOST = 16
"""Firings of one event in one subject that are written down."""

TIGHT = Options(relative_tolerance=1e-10, absolute_tolerance=1e-14)


def run(sbml: str, times: FloatArray, options: Options) -> tuple[dict[str, FloatArray], dict[str, float]]:
    """Run a document in COPASI; give the curves of what changes, and the last value of everything, by SBML id."""
    model = basico.load_model_from_string(sbml)
    try:
        whole = model.getModel()
        whole.forceCompile()
        table = basico.run_time_course(
            values=times.tolist(), start_time=float(times[0]), model=model, use_sbml_id=True, max_steps=10**7,
            r_tol=options.relative_tolerance, a_tol=options.absolute_tolerance,
        )  # fmt: skip
        np.testing.assert_allclose(table.index.to_numpy(), times, rtol=0, atol=1e-9)
        last = {value.getSBMLId(): float(value.getValue()) for value in whole.getModelValues()}
        last |= {species.getSBMLId(): float(species.getConcentration()) for species in whole.getMetabolites()}
        return {name: table[name].to_numpy() for name in table}, last
    finally:
        basico.remove_datamodel(model)


def solve(
    model: Equations,
    times: FloatArray,
    *,
    subjects: int,
    outputs: Sequence[str],
    parameters: Mapping[str, PerSubject] | None = None,
    schedule: Sequence[Operation] = (),
    stop: Sequence[str] = (),
    options: Options | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    threads: int | None = None,
) -> Solution:
    """Solve for one subject after the other. See `gvlab.engine.contract.Solve`."""
    document = diary(model.sbml, stop)
    values = np.full((subjects, times.size, len(outputs)), np.nan)
    final = np.full((subjects, len(model.changeable)), np.nan)
    end, status = np.full(subjects, times[-1]), np.full(subjects, Status.FINISHED, dtype=np.int8)
    log: list[tuple[int, int, float]] = []
    for row in range(subjects):
        if cancel is not None and cancel():
            raise CancelledError(f"The solve was cancelled; {row} of {subjects} subjects were done.")
        numbers = {name: _of(value, row) for name, value in (parameters or {}).items()}
        sbml = with_doses(document, numbers, [_operation(operation, row) for operation in schedule])
        # The document begins with what is done first, at its time 0.
        begins = min((float(_of(operation.time, row)) for operation in schedule), default=0.0)
        curves, last = run(sbml, times - min(begins, 0.0), options or TIGHT)
        happened = _happened(last, model.events)
        log += [(row, event, time) for event, time in happened]
        ends = [time for event, time in happened if model.events[event] in stop]
        if ends:
            end[row], status[row] = ends[0], Status.STOPPED_BY_EVENT
        else:
            final[row] = [last[name] for name in model.changeable]
        for column, name in enumerate(outputs):
            # A parameter that nothing gives a rate is told by its last value: it must be one that nothing changes.
            curve = curves[name] if name in curves else np.full(times.size, last[name])
            assert name in curves or name not in {operation.target for operation in schedule}, name
            values[row, :, column] = np.where(times <= end[row], curve, np.nan)
        if progress is not None:
            progress(1)
    events = np.array(sorted(log, key=lambda entry: (entry[0], entry[2])), dtype=EVENT_LOG)
    return Solution(
        times=times, outputs=tuple(outputs), values=values, end_times=end, final_names=model.changeable, final=final,
        event_ids=model.events, events=events, status=status, steps=np.full(subjects, -1, dtype=np.int64),
    )  # fmt: skip


def diary(sbml: str, stop: Sequence[str]) -> str:
    """Let each event write down when it happens, until one has happened that ends the subject."""
    document = libsbml.readSBMLFromString(sbml)
    model = document.getModel()
    ids = [event.getId() for event in model.getListOfEvents()]
    for name, value in [("diary_closed", 0.0)] + [
        (entry, value)
        for one in ids
        for entry, value in [(f"diary_count_{one}", 0.0), *((f"diary_{k}_{one}", -1.0) for k in range(MOST))]
    ]:
        parameter = model.createParameter()
        parameter.setIdAttribute(name)
        parameter.setConstant(False)
        parameter.setValue(value)
    for event in model.getListOfEvents():
        name = event.getId()
        written = {f"diary_count_{name}": f"diary_count_{name} + (1 - diary_closed)"}
        for k in range(MOST):
            entry = f"diary_{k}_{name}"
            now = f"(diary_closed < 0.5) && (diary_count_{name} > {k - 0.5}) && (diary_count_{name} < {k + 0.5})"
            written[entry] = f"piecewise(time, {now}, {entry})"
        if name in stop:
            written["diary_closed"] = "1"
        for variable, formula in written.items():
            assignment = event.createEventAssignment()
            assignment.setVariable(variable)
            assignment.setMath(libsbml.parseL3Formula(formula))
    return str(libsbml.writeSBMLToString(document))


def _happened(last: Mapping[str, float], events: Sequence[str]) -> list[tuple[int, float]]:
    found = []
    for number, name in enumerate(events):
        count = last[f"diary_count_{name}"]
        assert count == int(count) <= MOST, f"{name} happened {count:g} times"
        found += [(number, last[f"diary_{k}_{name}"]) for k in range(int(count))]
    return sorted(found, key=lambda entry: entry[1])


def _of(value: PerSubject, row: int) -> float:
    array = np.asarray(value, dtype=np.float64)
    return float(array[row] if array.ndim else array)


def _operation(operation: Operation, row: int) -> Operation:
    return Operation(
        _of(operation.time, row), operation.kind, operation.target, _of(operation.value, row),
        added=_of(operation.added, row), pool=operation.pool, guard=operation.guard,
    )  # fmt: skip
