"""What the engines are timed on: the flagship model in mouse and human, each also made stiff, and models of others."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import antimony
import numpy as np

from gvlab.engine import ENGINES, Operation
from gvlab.experiment.experiment import Experiment
from gvlab.model.parameters import ParameterTable
from gvlab.sbml.equations import Equations
from gvlab.simulation import simulate

MODELS = Path(__file__).parent / "models"
OBSERVED = (
    "burden", "sorafenib_central", "IL15_niche", "IL15_serum", "cd8_effector", "cd8_memory", "gvhd_damage",
    "normal_hematopoiesis",
)  # fmt: skip
STIFFER = 20.0
"""Factor on the fastest rate constant of the flagship model."""

# Fates that never come, so that every subject is followed over all its doses. Triggers are watched all the same. A
# clone that should have died out goes on to shrink; the model divides by the chance that it is there, 1 - exp(-x), of
# which few digits would be left to an engine that works it out as it stands.
NO_FATE = {
    "theta_death_leukemia": 1e30, "theta_death_gvhd": 1e30, "theta_death_other": 1e30, "theta_first_mutant": 1e30,
    "U_cure_sensitive": 2.0, "U_cure_mutant": 2.0, "epsilon_extinct": 1e-6,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One thing to be solved, by any engine."""

    name: str
    model: Equations
    times: np.ndarray
    subjects: int
    outputs: tuple[str, ...]
    parameters: dict[str, Any]
    schedule: tuple[Operation, ...]

    def part(self, count: int) -> Case:
        """Take the first subjects."""
        count = min(count, self.subjects)

        def cut(value: Any) -> Any:
            return value[:count] if np.ndim(value) else value

        return dataclasses.replace(
            self,
            subjects=count,
            parameters={name: cut(value) for name, value in self.parameters.items()},
            schedule=tuple(
                dataclasses.replace(op, time=cut(op.time), value=cut(op.value), added=cut(op.added))
                for op in self.schedule
            ),
        )

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of an engine."""
        return {
            "subjects": self.subjects,
            "outputs": self.outputs,
            "parameters": self.parameters,
            "schedule": self.schedule,
        }


class _Captured(Exception):  # noqa: N818 - it carries a result, it is no error
    pass


def request(subjects: int, seed: int) -> tuple[Equations, dict[str, Any]]:
    """Give what the survival experiment of the library asks of an engine, for its arm with T cells and drug."""
    module = ModuleType("gvlab_benchmark_capture")

    def capture(model: Equations, times: np.ndarray, **asked: Any) -> None:
        raise _Captured(model, asked)

    module.solve = capture  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    ENGINES["capture"] = module.__name__
    try:
        experiment = Experiment.read("mathew2018_survival")
        arm = experiment.arms[-1]
        cohort = experiment.system.cohort(subjects, seed)
        from gvlab.model.model import Model

        simulate(Model.default(), cohort, arm.protocol, until=100.0, condition=arm.condition, engine="capture")
    except _Captured as captured:
        model, asked = captured.args
        return model, asked
    finally:
        del ENGINES["capture"]
    raise AssertionError("the engine was not asked")


def flagship(name: str, subjects: int, seed: int, *, stiff: bool = False) -> Case:
    """Give the flagship model: ``mouse`` for 100 days with daily doses, ``human`` for a year with two a day."""
    model, asked = request(subjects, seed)
    last, every = (100.0, 1.0) if name == "mouse" else (365.0, 0.5)
    parameters = dict(asked["parameters"])
    rng = np.random.default_rng(seed)
    table = ParameterTable.default().resolve(("species:human",) if name == "human" else ()).values()
    for key in model.parameters:
        if key not in table or (key in parameters and np.ndim(parameters[key]) and name == "mouse"):
            continue
        # Rates, clearances and volumes differ between subjects; what is a share or an exponent stays in its range.
        spread = rng.lognormal(0.0, 0.2, subjects) if key.startswith(("k_", "CL_", "V_")) else np.ones(subjects)
        if name == "human" or key.startswith(("k_", "CL_", "V_")):
            parameters[key] = table[key] * spread
    parameters |= NO_FATE
    if stiff:
        rates = {key: table[key] for key in model.parameters if key.startswith("k_turnover_") and key in table}
        fastest = max(rates, key=lambda key: rates[key])
        parameters[fastest] = np.asarray(parameters[fastest]) * STIFFER
    schedule = [op for op in asked["schedule"] if op.target not in ("sorafenib_depot", "time_after_dose")]
    dose = next(op for op in asked["schedule"] if op.target == "sorafenib_depot")
    amount = dose.value if name == "mouse" else np.asarray(dose.value) / np.mean(dose.value) * 400 * 0.4
    for time in np.arange(0.0 if name == "human" else 4.0, last, every):
        schedule.append(dataclasses.replace(dose, time=float(time), value=amount))
        schedule.append(Operation(float(time), "set", "time_after_dose", 0.0))
    outputs = tuple(output for output in OBSERVED if output in {*model.states, *model.assigned})
    title = f"{name}, {last:g} days, {len(np.arange(0.0 if name == 'human' else 4.0, last, every))} doses"
    if stiff:
        title += f", fastest rate x{STIFFER:g}"
    # Six hours after the morning's dose: the drug is there, and no step ends there by itself.
    times = np.concatenate([[0.0], np.arange(0.25, last, 1.0)])
    return Case(title, model, times, subjects, outputs, parameters, tuple(schedule))


def others(subjects: int, seed: int) -> list[Case]:
    """Give small models of others, with every parameter varied."""
    cases = []
    for path in sorted(MODELS.glob("*.ant")):
        antimony.clearPreviousLoads()
        if antimony.loadAntimonyString(path.read_text()) < 0:
            raise ValueError(f"{path.name}: {antimony.getLastError()}")
        model = Equations.from_sbml(antimony.getSBMLString(antimony.getMainModuleName()))
        rng = np.random.default_rng(seed)
        parameters = {
            key: model.nominal[key] * rng.lognormal(0.0, 0.2, subjects)
            for key in model.parameters
            if key not in model.kind(key) and key != "compartment" and model.kind(key) == "parameter"
        }
        end = parameters.pop("end_time", np.array([100.0]))
        times = np.linspace(0.0, float(np.round(model.nominal.get("end_time", float(end[0])))), 101)
        cases.append(Case(path.stem, model, times, subjects, model.states, parameters, ()))
    return cases
