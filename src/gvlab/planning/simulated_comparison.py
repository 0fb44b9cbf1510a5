"""Virtual mice in the arms of a question, with leukemia and without: what an experiment of a few mice is drawn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gvlab import library, units
from gvlab.agreement.readings import read_virtual
from gvlab.assay.assay import Assay
from gvlab.assay.endpoint import endpoint_times
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment.experiment import Experiment
from gvlab.model.model import Model
from gvlab.protocol import Arm, Protocol
from gvlab.simulation import simulate
from gvlab.subject import Population, System

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[int], None]

BATCHES = 8
"""The virtual mice are divided into so many crowds that never meet; how far these differ is the error of the power."""


@dataclass(frozen=True)
class ParameterSet:
    """Typical values of parameters that replace those of the tables; none at all is the nominal set."""

    name: str = "nominal"
    values: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, values: Mapping[str, float], system: System) -> ParameterSet:
        """Keep what holds in a system of a set whose names are ``parameter`` or ``parameter@context;context``."""
        table = system.parameters()
        kept = {}
        for axis, value in values.items():
            parameter, _, context = axis.partition("@")
            if parameter in table and ";".join(table.row(parameter).context) == context:
                kept[parameter] = float(value)
        return cls(name, kept)


@dataclass(frozen=True)
class Losses:
    """What goes wrong with mice.

    Attributes
    ----------
    attrition
        Share of mice that leave for a reason that has nothing to do with the arm, on a day that is uniform over the
        study: censored in a survival analysis, missing in a reading after that day.
    engraftment_failure
        Share of mice in which the leukemia does not take. They stay in their arm, and what becomes of them is what
        becomes of the same virtual mice without the leukemia.
    """

    attrition: float = 0.1
    engraftment_failure: float = 0.05

    def __post_init__(self) -> None:
        """Refuse shares outside 0 to 0.9."""
        for name, share in (("attrition", self.attrition), ("engraftment failure", self.engraftment_failure)):
            if not 0 <= share <= 0.9:
                raise InvalidValueError(
                    f"The {name} is {share:g}; it is a share of the mice between 0 and 0.9. "
                    f"Did you mean {share / 100:g}?"
                )


@dataclass(frozen=True)
class Question:
    """What is compared.

    Attributes
    ----------
    arm, versus
        Names of two arms.
    endpoint
        Name of an endpoint of the library (log-rank), or of an output of the model or an assay (Mann-Whitney).
    day
        When a reading is taken; None for an endpoint.
    assay
        Assay that reads it, with its error; "" for an output of the model, which is read without error.
    """

    arm: str
    versus: str
    endpoint: str
    day: float | None = None
    assay: str = ""

    @property
    def test(self) -> str:
        """Which test decides."""
        return "log-rank" if self.day is None else "Mann-Whitney"

    def in_words(self) -> str:
        """Say it in a sentence."""
        what = self.endpoint.replace("_", " ")
        if self.day is not None:
            how = f"by {self.assay}, with its error" if self.assay else "read without error of an instrument"
            what = f"{self.endpoint} on day {self.day:g} ({how})"
        return f'{what}, "{self.arm}" against "{self.versus}", two-sided {self.test} test'


def ask(experiment: Experiment, arm: str = "", versus: str = "", endpoint: str = "", day: str = "") -> Question:
    """Make a question of what was said, and fill in what was not: the last arm, the one before it, the first endpoint.

    Raises
    ------
    UnknownNameError
        If there is no such arm, endpoint, assay or output.
    InvalidValueError
        If an arm is compared with itself, or a reading has no day.
    """
    names = [each.name for each in experiment.arms]
    one = experiment.arm(arm).name if arm else names[-1]
    others = [name for name in names if name != one]
    if not others:
        raise InvalidValueError(f'"{experiment.title}" has one arm only; there is nothing to compare it with.')
    two = experiment.arm(versus).name if versus else others[-1]
    if one == two:
        raise InvalidValueError(f'"{one}" is compared with itself. Arms: {", ".join(names)}.')
    known = library.names("endpoints")
    chosen = endpoint or next(iter(experiment.endpoints), "")
    if chosen in known:
        if day:
            raise InvalidValueError(f'"{chosen}" is followed to the end; only a reading has a day. Leave it out.')
        return Question(one, two, chosen)
    if not chosen:
        raise InvalidValueError(
            f'"{experiment.title}" has no endpoint of its own. Name one ({", ".join(known)}), or a reading and its '
            f"day: {', '.join(experiment.assays[:6])}."
        )
    assay, read = _what_is_read(chosen, experiment)
    if not day:
        raise InvalidValueError(f'"{chosen}" is a reading; say on which day, such as "day 12".')
    when = units.day(day, "the day of the reading")
    if not 0 <= when <= experiment.last_day:
        raise InvalidValueError(f"Day {when:g} is outside the experiment, which ends on day {experiment.last_day:g}.")
    return Question(one, two, read, when, assay)


def _what_is_read(name: str, experiment: Experiment) -> tuple[str, str]:
    """Give an assay and its analyte ("serum_il15", "serum_il15.IL15"), or "" and an output of the model."""
    if name in Model.default().symbols:
        return "", name
    known = library.read_all("assays")
    assay, _, analyte = name.partition(".")
    if assay not in known:
        raise UnknownNameError(
            "endpoint, assay or output", name, (*library.names("endpoints"), *known, *experiment.assays)
        )
    analytes = [each.name for each in known[assay].analytes]
    if not analyte and len(analytes) > 1:
        listed = ", ".join(f"{assay}.{each}" for each in analytes)
        raise InvalidValueError(f'"{assay}" reads several things; name one of them: {listed}.')
    if analyte and analyte not in analytes:
        raise UnknownNameError(f'analyte of "{assay}"', analyte, analytes)
    return assay, analyte or analytes[0]


@dataclass(frozen=True)
class VirtualArm:
    """What many virtual mice did in an arm.

    Attributes
    ----------
    duration, event
        Shape (subject,): for an endpoint. Competing events count as censored (a cause-specific test).
    value
        Shape (subject,): for a reading; NaN for the dead. `duration` is then the day of the reading.
    """

    duration: FloatArray
    event: npt.NDArray[np.bool_]
    value: FloatArray

    def __len__(self) -> int:
        return len(self.duration)

    def batch(self, number: int) -> VirtualArm:
        """Give one of the `BATCHES` crowds."""
        # Runs of neighbors: every eighth of them would lie in one corner of a Sobol sequence.
        rows = slice(number * len(self) // BATCHES, (number + 1) * len(self) // BATCHES)
        return VirtualArm(self.duration[rows], self.event[rows], self.value[rows])


@dataclass(frozen=True)
class Rehearsal:
    """Both arms of a question, with leukemia and without."""

    arm: VirtualArm
    versus: VirtualArm
    arm_without: VirtualArm
    versus_without: VirtualArm


def rehearse(
    experiment: Experiment,
    question: Question,
    *,
    subjects: int,
    seed: int,
    losses: Losses,
    parameters: ParameterSet | None = None,
    progress: Progress | None = None,
) -> Rehearsal:
    """Send virtual mice through both arms, with leukemia and, where it can fail to take, without.

    Parameters
    ----------
    experiment, question
        What is done and asked.
    subjects
        Virtual mice in each arm.
    seed
        Of the mice.
    losses
        Whether anybody needs to be followed without leukemia.
    parameters
        Typical values that replace the nominal ones.
    progress
        Told how many mice have just been finished.
    """
    system = experiment.system
    table = system.parameters()
    if parameters is not None and parameters.values:
        table = table.replace(parameters.values, f"parameter set {parameters.name}")
    cohort = Population.read(system.record.population, table).sample(subjects, seed)
    model = Model.default()
    assay = Assay.named(question.assay, system.contexts) if question.assay else None
    outputs = [] if question.day is None else list(assay.outputs) if assay else [question.endpoint]
    until = experiment.last_day if question.day is None else question.day
    seen: dict[str, VirtualArm] = {}

    def follow(arm: Arm, leukemia: bool) -> VirtualArm:
        protocol = arm.protocol
        if not leukemia and system.record.leukemia:
            protocol = protocol.without(system.record.leukemia)
        # A reading on day 12 says nothing of doses that come later.
        doses = [dose for dose in protocol if dose.start <= until]
        shortened = [
            dose.replace(until=f"day {until!r}") if dose.repeats and dose.times[-1] > until else dose for dose in doses
        ]
        run = simulate(
            model,
            cohort,
            Protocol(tuple(shortened)),
            until=until,
            times=[until],
            outputs=outputs,
            condition=arm.condition,
            progress=progress,
        )
        ok = run.ok
        if question.day is not None:
            truth = {output: run.at(output, question.day)[ok] for output in outputs}
            rng = np.random.default_rng([seed, len(seen)])
            values = (
                truth[question.endpoint]
                if assay is None
                else np.asarray(read_virtual(assay, question.endpoint, truth, question.day, rng))
            )
            return VirtualArm(np.full(len(values), question.day), np.zeros(len(values), bool), values)
        rows = endpoint_times(question.endpoint, run, arm.name)
        event = rows["event_observed"].to_numpy() == 1
        return VirtualArm(rows["duration"].to_numpy(dtype=np.float64), event, np.full(len(rows), np.nan))

    for name in (question.arm, question.versus):
        seen[name] = follow(experiment.arm(name), True)
        seen[f"{name} without"] = follow(experiment.arm(name), False) if losses.engraftment_failure else seen[name]
    a, b = question.arm, question.versus
    return Rehearsal(seen[a], seen[b], seen[f"{a} without"], seen[f"{b} without"])


def runs_per_set(losses: Losses) -> int:
    """Give how many arms `rehearse` follows."""
    return 4 if losses.engraftment_failure else 2
