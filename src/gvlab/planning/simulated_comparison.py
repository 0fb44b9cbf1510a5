"""Virtual animals in the arms of a comparison, with leukemia and without: an experiment of a few is drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Bool, Float
from gvlab.assay.assay import Assay
from gvlab.assay.batches import read_in_batches
from gvlab.assay.endpoint import endpoint_times
from gvlab.experiment.experiment import Experiment
from gvlab.planning.planned_comparison import Attrition, ParameterSet, PlannedComparison
from gvlab.protocol import Protocol
from gvlab.simulation import Executor, SimulationTask, TaskResult, run_tasks
from gvlab.subject import Population


@dataclass(frozen=True)
class VirtualArm:
    """What many virtual animals did in an arm; the same place is the same animal in every arm.

    Attributes
    ----------
    duration, event
        For an endpoint. Competing events count as censored (a cause-specific test).
    value
        For a reading: NaN for the dead. For a share: 1 for those that are counted on the day, else 0. `duration` is
        then that day.
    followed
        Whether it could be followed to the end, or to its death.
    """

    duration: Float[Array, " subject"]
    event: Bool[Array, " subject"]
    value: Float[Array, " subject"]
    followed: Bool[Array, " subject"]

    def __len__(self) -> int:
        return len(self.duration)


@dataclass(frozen=True)
class SimulatedComparison:
    """Both arms of a comparison, with leukemia and without, and who could not be followed."""

    arm: VirtualArm
    versus: VirtualArm
    arm_without: VirtualArm
    versus_without: VirtualArm
    warnings: tuple[str, ...] = ()

    @property
    def followed(self) -> Bool[Array, " subject"]:
        """Whether an animal could be followed in every arm: only those can be dealt to either of them."""
        arms = (self.arm, self.versus, self.arm_without, self.versus_without)
        return np.asarray(np.all([arm.followed for arm in arms], axis=0))


def comparison_tasks(
    experiment: Experiment,
    comparison: PlannedComparison,
    *,
    subjects: int,
    seed: int,
    attrition: Attrition,
    parameters: ParameterSet | None = None,
) -> list[SimulationTask]:
    """Return what must be simulated: both arms with leukemia and, where it can fail to take, without.

    Parameters
    ----------
    experiment, comparison
        What is done and compared.
    subjects
        Virtual animals in each arm; the same ones go through all of them.
    seed
        Of the animals.
    attrition
        Whether anybody needs to be followed without leukemia.
    parameters
        Typical values that replace the nominal ones.

    Returns
    -------
    `Attrition.runs` tasks: the arm, the arm without, versus, versus without; or the arm and versus.
    """
    system = experiment.system
    table = system.parameters()
    if parameters is not None and parameters.values:
        table = table.replace(parameters.values, f"parameter set {parameters.name}")
    cohort = Population.read(system.record.population, table, system.library).sample(subjects, seed)
    day = comparison.day
    until = experiment.last_day if day is None else day
    tasks = []
    for name in (comparison.arm, comparison.versus):
        arm = experiment.arm(name)
        protocols = [arm.protocol]
        if attrition.engraftment_failure:
            leukemia = system.record.leukemia
            protocols.append(arm.protocol.without(leukemia) if leukemia else arm.protocol)
        tasks += [
            SimulationTask(
                experiment.model,
                cohort,
                _until(protocol, until),
                arm.condition,
                until=until,
                times=(until,),
                outputs=_outputs(comparison, _assay(experiment, comparison)),
                label=name if parameters is None else f"{name}, {parameters.name}",
            )
            for protocol in protocols
        ]
    return tasks


def simulated_comparison(
    experiment: Experiment, comparison: PlannedComparison, results: Sequence[TaskResult]
) -> SimulatedComparison:
    """Return what became of the tasks of a comparison.

    Parameters
    ----------
    experiment, comparison
        As for `comparison_tasks`.
    results
        Of its tasks, in their order.

    Raises
    ------
    SolveError, ProtocolError
        If nobody could be followed through one of the arms.
    """
    seed = results[0].task.cohort.seed or 0
    streams = (0, 2) if len(results) == 2 else range(4)
    arms = [
        _virtual_arm(experiment, comparison, result, np.random.default_rng([seed, stream]))
        for stream, result in zip(streams, results, strict=True)
    ]
    if len(arms) == 2:
        arms = [arms[0], arms[0], arms[1], arms[1]]
    warnings = tuple(f"{result.task.label}: {words}" for result in results for words in result.warnings)
    return SimulatedComparison(arms[0], arms[2], arms[1], arms[3], warnings)


def simulate_comparison(
    experiment: Experiment,
    comparison: PlannedComparison,
    *,
    subjects: int,
    seed: int,
    attrition: Attrition,
    parameters: ParameterSet | None = None,
    executor: Executor | str | None = None,
) -> SimulatedComparison:
    """Simulate one comparison: arguments as `comparison_tasks`, errors as `simulated_comparison`."""
    tasks = comparison_tasks(
        experiment, comparison, subjects=subjects, seed=seed, attrition=attrition, parameters=parameters
    )
    return simulated_comparison(experiment, comparison, run_tasks(tasks, executor=executor))


def _virtual_arm(
    experiment: Experiment, comparison: PlannedComparison, result: TaskResult, rng: np.random.Generator
) -> VirtualArm:
    run = result.get()
    day, n = comparison.day, len(run)
    if day is None or comparison.share:
        record = experiment.library.read("endpoints", comparison.endpoint)
        rows = endpoint_times(record, run, result.task.label)
        place = rows["subject"].to_numpy()
        duration, event, value = np.full(n, np.nan), np.zeros(n, bool), np.full(n, np.nan)
        duration[place] = rows["duration"].to_numpy(dtype=np.float64)
        event[place] = rows["event_observed"].to_numpy() == 1
        if day is None:
            return VirtualArm(duration, event, value, run.ok)
        reached = event & (duration <= day)
        # Who never had a cell of it is as free of it as who has lost the last one; nobody can tell them apart.
        never = np.all([run.final(name) == 0 for name in record.only_if_zero], axis=0) & ~event
        value[place] = (~reached if record.counts == "free" else reached | never)[place]
        return VirtualArm(np.full(n, day), np.zeros(n, bool), value, run.ok)
    assay = _assay(experiment, comparison)
    truth = {output: np.where(run.ok, run.at(output, day), np.nan) for output in _outputs(comparison, assay)}
    value = (
        truth[comparison.endpoint] if assay is None else read_in_batches(assay, comparison.endpoint, truth, day, rng)
    )
    return VirtualArm(np.full(n, day), np.zeros(n, bool), value, run.ok)


def _assay(experiment: Experiment, comparison: PlannedComparison) -> Assay | None:
    return Assay.named(comparison.assay, experiment.system.contexts) if comparison.assay else None


def _outputs(comparison: PlannedComparison, assay: Assay | None) -> tuple[str, ...]:
    if comparison.day is None or comparison.share:
        return ()
    return (comparison.endpoint,) if assay is None else tuple(assay.outputs)


def _until(protocol: Protocol, day: float) -> Protocol:
    """Return the doses until a day: a reading on day 12 says nothing of those that come later."""
    doses = [dose for dose in protocol if dose.start <= day]
    return Protocol(
        tuple(dose.replace(until=f"day {day!r}") if dose.repeats and dose.times[-1] > day else dose for dose in doses)
    )
