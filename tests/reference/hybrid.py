"""An exact stochastic simulation of blasts, coupled to the deterministic rest of the model.

In each short step the engine carries everything but the blasts on, with the number of blasts that there are; the blasts
then go through the exact transition of a linear birth-death process with the rates of that step (Kendall 1948): a
lineage dies out with probability alpha, and a surviving one leaves a geometric number of cells. T cells, IL-15 and drug
thus react to the actual number of blasts of each replicate, which the mean-field extinction of the model replaces by an
average.
"""

import numpy as np

import gvlab
from gvlab import engine
from gvlab.protocol import Condition
from gvlab.simulation.schedule import Values, schedule

CLONE = "sensitive"
_RATES = (f"rate_birth_{CLONE}", f"rate_drug_death_{CLONE}", "killing", "k_death_blast")


def extinct_share(model, mouse, protocol, days, replicates, rng, step=0.1):
    """Share of replicates of one mouse in which no clonogenic blast is left, on each day.

    Every replicate is the same mouse; only chance differs. Nobody dies, and no mutant is born. Counted are the
    blasts that can found a clone.
    """
    numbers = Condition().apply(mouse.parameters(), model.equations.nominal)
    operations = schedule(protocol, Values(numbers, mouse, model), max(days))
    state = {
        name: np.full(replicates, float(np.ravel(value)[0]))
        for name, value in numbers.items()
        if name in model.equations.nominal
    }
    state |= {f"k_hazard_{cause}": np.zeros(replicates) for cause in ("leukemia", "gvhd", "late", "early", "aplasia")}
    state |= {"mu_tkd_mutation": np.zeros(replicates), f"U_cure_{CLONE}": np.full(replicates, 2.0)}
    # Of all blasts this share can found a clone; their chance counts, and the others come and go with them.
    clonogenic = float(np.ravel(numbers["f_clonogenic_blast"])[0])
    found, now = {}, 0.0
    blasts = None
    while now < max(days) - 1e-9:
        end = min(now + step, *(operation.time for operation in operations if operation.time > now + 1e-9), now + step)
        due = tuple(operation for operation in operations if abs(operation.time - now) < 1e-9)
        here = [
            engine.Operation(0.0, each.kind, each.target, _many(each.value, replicates), guard=each.guard)
            for each in due
        ]
        run = engine.solve(
            model.equations, np.array([now, end]), subjects=replicates, outputs=_RATES, parameters=state,
            schedule=[_at(each, now) for each in here], engine="ensemble",
        )  # fmt: skip
        rates = run.values.mean(axis=1)
        state = {name: run.final[:, i].copy() for i, name in enumerate(run.final_names)} | {
            name: values for name, values in state.items() if name not in run.final_names
        }
        given = [each for each in due if each.target == f"blast_{CLONE}"]
        if given:
            blasts = np.full(replicates, round(clonogenic * float(np.mean(given[0].value))), dtype=np.int64)
        if blasts is not None:
            blasts = birth_death(blasts, rates[:, 0], rates[:, 1:].sum(axis=1), end - now, rng)
            state[f"blast_{CLONE}"] = blasts / clonogenic
            state[f"lineages_{CLONE}"] = np.full(replicates, 1e6)
            state[f"founders_{CLONE}"] = np.where(blasts > 0, 1e9, 0.0)
        now = end
        for day in days:
            if abs(now - day) < 1e-9:
                found[day] = float(np.mean(blasts == 0))
    return np.array([found[day] for day in days])


def birth_death(n, birth, death, step, rng):
    """Draw the numbers of a linear birth-death process after a step (Kendall 1948)."""
    growth = np.exp((birth - death) * step)
    even = np.abs(birth - death) < 1e-9
    safe = np.where(even, 1.0, birth * growth - death)
    alpha = np.where(even, birth * step / (1 + birth * step), death * (growth - 1) / safe)
    beta = np.where(even, birth * step / (1 + birth * step), birth * (growth - 1) / safe)
    lines = rng.binomial(n, np.clip(1 - alpha, 0, 1))
    more = np.where(lines > 0, rng.negative_binomial(np.maximum(lines, 1), np.clip(1 - beta, 1e-12, 1)), 0)
    return lines + more


def mean_field(model, mouse, protocol, days, draws=100):
    """Share of a mouse's fates in which the model itself has let the clone die out, on each day."""
    even = (np.arange(draws) + 0.5) / draws
    idle = {f"k_hazard_{cause}": np.zeros(draws) for cause in ("leukemia", "gvhd", "late", "early", "aplasia")}
    fates = {f"U_cure_{CLONE}": even, "mu_tkd_mutation": np.zeros(draws), "theta_first_mutant": np.full(draws, 1e9)}
    columns = {name: np.repeat(values, draws) for name, values in mouse.columns.items()}
    many = gvlab.Cohort({**columns, **idle, **fates}, mouse.table, np.arange(draws))
    run = gvlab.simulate(model, many, protocol, until=max(days), times=[0.0, max(days)], outputs=["burden"])
    when = run.first(f"cure_{CLONE}")
    return np.array([np.mean(when <= day) for day in days])


def _many(value, n):
    return np.broadcast_to(np.asarray(value, dtype=float).ravel()[:1], n).copy()


def _at(operation, time):
    return engine.Operation(time, operation.kind, operation.target, operation.value, guard=operation.guard)
