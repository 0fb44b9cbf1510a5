"""Virtual animals in the arms of a comparison, with leukemia and without: an experiment of a few is drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Bool, Float
from gvlab.assay.assay import Assay
from gvlab.assay.batches import read_in_batches
from gvlab.assay.endpoint import endpoint_times
from gvlab.experiment.experiment import Experiment
from gvlab.planning.planned_comparison import Attrition, PlannedComparison
from gvlab.simulation import Executor, SimulationTask, TaskResult, run_tasks
from gvlab.subject.parameter_set import ParameterSet


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
    """What becomes of every arm that is compared, with leukemia and without, and who could not be followed.

    Attributes
    ----------
    arms, without
        By name of the arm: with leukemia; without. The same place is the same animal everywhere.
    warnings
        Who could not be followed.
    """

    arms: Mapping[str, VirtualArm]
    without: Mapping[str, VirtualArm]
    warnings: tuple[str, ...] = ()

    @property
    def followed(self) -> Bool[Array, " subject"]:
        """Whether an animal could be followed in every arm: only those can be dealt to any of them."""
        return np.asarray(np.all([arm.followed for arm in (*self.arms.values(), *self.without.values())], axis=0))


def arms_of(comparisons: Sequence[PlannedComparison]) -> tuple[str, ...]:
    """Return the arms that are compared, each once, what they are compared with last."""
    return tuple(dict.fromkeys([*(each.arm for each in comparisons), *(each.versus for each in comparisons)]))


def comparison_tasks(
    experiment: Experiment,
    comparisons: Sequence[PlannedComparison],
    *,
    subjects: int,
    seed: int,
    attrition: Attrition,
    parameters: ParameterSet | None = None,
) -> list[SimulationTask]:
    """Return what must be simulated: every arm with leukemia and, where it can fail to take, without.

    Parameters
    ----------
    experiment, comparisons
        What is done and compared; all by the same endpoint on the same day.
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
    `Attrition.runs` tasks for each arm of `arms_of`: with leukemia and, where it can fail to take, without.
    """
    system = experiment.system
    cohort = (parameters or ParameterSet()).cohort(system, subjects, seed)
    comparison = comparisons[0]
    day = comparison.day
    until = experiment.last_day if day is None else day
    tasks = []
    for name in arms_of(comparisons):
        arm = experiment.arm(name)
        protocols = [arm.protocol]
        if attrition.engraftment_failure:
            leukemia = system.record.leukemia
            protocols.append(arm.protocol.without(leukemia) if leukemia else arm.protocol)
        tasks += [
            SimulationTask(
                experiment.model,
                cohort,
                protocol.until(until),
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
    experiment: Experiment, comparisons: Sequence[PlannedComparison], results: Sequence[TaskResult]
) -> SimulatedComparison:
    """Return what became of the tasks of comparisons.

    Parameters
    ----------
    experiment, comparisons
        As for `comparison_tasks`.
    results
        Of its tasks, in their order.

    Raises
    ------
    SolveError, ProtocolError
        If nobody could be followed through one of the arms.
    """
    seed, names = results[0].task.cohort.seed or 0, arms_of(comparisons)
    runs = len(results) // len(names)
    found: list[dict[str, VirtualArm]] = [{}, {}]
    for place, result in enumerate(results):
        arm, without = divmod(place, runs)
        rng = np.random.default_rng([seed, 2 * arm + without])
        found[without][names[arm]] = _virtual_arm(experiment, comparisons[0], result, rng)
    warnings = tuple(f"{result.task.label}: {words}" for result in results for words in result.warnings)
    return SimulatedComparison(found[0], found[1] or found[0], warnings)


def simulate_comparison(
    experiment: Experiment,
    comparisons: Sequence[PlannedComparison],
    *,
    subjects: int,
    seed: int,
    attrition: Attrition,
    parameters: ParameterSet | None = None,
    executor: Executor | str | None = None,
) -> SimulatedComparison:
    """Simulate comparisons: arguments as `comparison_tasks`, errors as `simulated_comparison`."""
    tasks = comparison_tasks(
        experiment, comparisons, subjects=subjects, seed=seed, attrition=attrition, parameters=parameters
    )
    return simulated_comparison(experiment, comparisons, run_tasks(tasks, executor=executor))


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
