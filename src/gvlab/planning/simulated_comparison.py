"""Virtual animals in the arms of a comparison, with leukemia and without: an experiment of a few is drawn from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Bool, Float
from gvlab.assay.assay import Assay
from gvlab.assay.batches import read_in_batches
from gvlab.assay.endpoint import endpoint_times
from gvlab.experiment.experiment import Experiment
from gvlab.model.model import Model
from gvlab.planning.planned_comparison import Attrition, ParameterSet, PlannedComparison
from gvlab.protocol import Arm, Protocol
from gvlab.simulation import simulate
from gvlab.subject import Population

Progress = Callable[[int], None]

BATCHES = 8
"""The virtual animals are divided into so many batches that never meet; how far these differ is the error of power."""


@dataclass(frozen=True)
class VirtualArm:
    """What many virtual animals did in an arm.

    Attributes
    ----------
    duration, event
        For an endpoint. Competing events count as censored (a cause-specific test).
    value
        For a reading; NaN for the dead. `duration` is then the day of the reading.
    """

    duration: Float[Array, " subject"]
    event: Bool[Array, " subject"]
    value: Float[Array, " subject"]

    def __len__(self) -> int:
        return len(self.duration)

    def batch(self, number: int) -> VirtualArm:
        """Return one of the `BATCHES` batches."""
        # Runs of neighbors: every eighth of them would lie in one corner of a Sobol sequence.
        rows = slice(number * len(self) // BATCHES, (number + 1) * len(self) // BATCHES)
        return VirtualArm(self.duration[rows], self.event[rows], self.value[rows])


@dataclass(frozen=True)
class SimulatedComparison:
    """Both arms of a comparison, with leukemia and without."""

    arm: VirtualArm
    versus: VirtualArm
    arm_without: VirtualArm
    versus_without: VirtualArm


def simulate_comparison(
    experiment: Experiment,
    comparison: PlannedComparison,
    *,
    subjects: int,
    seed: int,
    attrition: Attrition,
    parameters: ParameterSet | None = None,
    progress: Progress | None = None,
) -> SimulatedComparison:
    """Send virtual animals through both arms, with leukemia and, where it can fail to take, without.

    Parameters
    ----------
    experiment, comparison
        What is done and compared.
    subjects
        Virtual animals in each arm.
    seed
        Of the animals.
    attrition
        Whether anybody needs to be followed without leukemia.
    parameters
        Typical values that replace the nominal ones.
    progress
        Told how many animals have just been finished.
    """
    system = experiment.system
    table = system.parameters()
    if parameters is not None and parameters.values:
        table = table.replace(parameters.values, f"parameter set {parameters.name}")
    cohort = Population.read(system.record.population, table).sample(subjects, seed)
    model = Model.default()
    assay = Assay.named(comparison.assay, system.contexts) if comparison.assay else None
    day = comparison.day
    outputs = [] if day is None else list(assay.outputs) if assay else [comparison.endpoint]
    until = experiment.last_day if day is None else day
    seen: dict[str, VirtualArm] = {}

    def follow(arm: Arm, leukemia: bool) -> VirtualArm:
        protocol = arm.protocol
        if not leukemia and system.record.leukemia:
            protocol = protocol.without(system.record.leukemia)
        run = simulate(
            model,
            cohort,
            _until(protocol, until),
            until=until,
            times=[until],
            outputs=outputs,
            condition=arm.condition,
            progress=progress,
        )
        if day is not None:
            truth = {output: run.at(output, day)[run.ok] for output in outputs}
            rng = np.random.default_rng([seed, len(seen)])
            values = (
                truth[comparison.endpoint]
                if assay is None
                else read_in_batches(assay, comparison.endpoint, truth, day, rng)
            )
            return VirtualArm(np.full(len(values), day), np.zeros(len(values), bool), values)
        rows = endpoint_times(comparison.endpoint, run, arm.name)
        event = rows["event_observed"].to_numpy() == 1
        return VirtualArm(rows["duration"].to_numpy(dtype=np.float64), event, np.full(len(rows), np.nan))

    for name in (comparison.arm, comparison.versus):
        seen[name] = follow(experiment.arm(name), True)
        seen[f"{name} without"] = follow(experiment.arm(name), False) if attrition.engraftment_failure else seen[name]
    a, b = comparison.arm, comparison.versus
    return SimulatedComparison(seen[a], seen[b], seen[f"{a} without"], seen[f"{b} without"])


def _until(protocol: Protocol, day: float) -> Protocol:
    """Return the doses until a day: a reading on day 12 says nothing of those that come later."""
    doses = [dose for dose in protocol if dose.start <= day]
    return Protocol(
        tuple(dose.replace(until=f"day {day!r}") if dose.repeats and dose.times[-1] > day else dose for dose in doses)
    )
