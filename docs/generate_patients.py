"""Writes docs/science/patients_results.md: benchmarks, claims, and what each scaling from mouse to human does.

gvlab population calibrate --left-out --json p.json && python docs/generate_patients.py p.json
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from gvlab.experiment import Experiment, Results
from gvlab.findings.one_set import judge_finding
from gvlab.library import Library

PAGE = Path(__file__).parent / "science" / "patients_results.md"
SEED, PATIENTS, FACTOR = 2018, 400, 3.0
SCALED = (
    "k_proliferation_cd8",
    "k_death_effector",
    "k_death_memory",
    "cd8_max",
    "cd8_max_tissue",
    "cd8_bystander_max",
    "nk_cell_host",
    "K_killing_cd8",
    "K_contact_blast",
    "V_niche",
    "k_secretion_il15_blast",
    "f_alloreactive_cd8",
    "f_leukemia_specific_cd8",
    "host_antigen_unconditioned",
    "k_damage_gvhd",
    "k_death_flt3_loss",
    "k_loss_fitness",
)
"""Parameters that are the mouse's by a rule, or that nothing human has measured."""


def main(file: str) -> None:
    """Write the page."""
    calibrated = json.loads(Path(file).read_text(encoding="utf-8"))
    experiment = Experiment.read("patients_four_arms")
    results = _run(experiment)
    parts = [
        "# Results of the model of patients",
        "Written by `docs/generate_patients.py`; do not edit. Simulated, and no guide to any treatment. "
        "[What it rests on](patients.md).",
        *_benchmarks(calibrated),
        *_claims(results),
        *_scalings(experiment, results),
    ]
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _run(experiment: Experiment, scale: dict[str, float] | None = None) -> Results:
    cohort = experiment.system.cohort(PATIENTS, SEED)
    if scale:
        # Three times as much may lie beyond the range of a table, which is what is asked about.
        moved = {name: cohort.column(name) * factor for name, factor in scale.items()}
        cohort = dataclasses.replace(cohort, columns={**cohort.columns, **moved})
    return experiment.run(SEED, cohort=cohort, days=[14.0, 56.0])


def _benchmarks(calibrated: dict) -> Iterator[str]:
    yield "## Benchmarks"
    yield (
        f"{calibrated['patients']:,} patients, seed {calibrated['seed']}; worth "
        f"{calibrated['effective_patients']:,.0f} after weighing, the largest weight "
        f"{100 * calibrated['largest_weight']:.2f} %; "
        f"{calibrated['not_followed']} could not be followed to the end. *Unweighted* is the population that "
        "experiments draw from; *weighted* is what its patients say after weighing; *left out* is what a population "
        "found without that row says of it."
    )
    head = ("row", "outcome", "use", "published", "n", "interval", "unweighted", "weighted", "left out")
    yield _table(
        head,
        (
            (
                row["id"],
                row["title"],
                row["use"],
                _percent(row["published"]),
                f"{row['n']}",
                f"{_percent(row['low'])} to {_percent(row['high'])}",
                _percent(row["unweighted"]),
                _percent(row["population"]) + ("" if row["inside"] else " (outside)"),
                (_percent(row["left_out"]) + ("" if row["left_out_inside"] else " (outside)"))
                if "left_out" in row
                else "",
            )
            for row in calibrated["benchmarks"]
        ),
    )


def _claims(results: Results) -> Iterator[str]:
    yield "## Claims about patients"
    yield f"{PATIENTS} patients, the same in all four arms, unweighted, seed {SEED}."
    experiment = results.experiment
    runs = {(experiment.name, experiment.system.name): results}
    rows = []
    for record in Library.default().read_all("findings").values():
        if record.experiment == experiment.name:
            judged = judge_finding(record, runs, SEED)
            said = "; ".join(each.in_words() for each in judged.comparisons)
            rows.append((record.id, record.role, record.statement, f"*{judged.verdict}*", said))
    yield _table(("claim", "role", "statement", "verdict", "simulated"), rows)


def _scalings(experiment: Experiment, base: Results) -> Iterator[str]:
    yield "## What each scaling does"
    yield (
        f"Share alive after two years and share in remission by day 182 when one number is {FACTOR:g} times lower and "
        f"higher, in the order of the arms: {', '.join(base.arms)}."
    )
    rows = [("as it is", _shares(base, "overall_survival", 729.0), _shares(base, "complete_remission", 182.0))]
    for name in SCALED:
        low, high = (_run(experiment, {name: factor}) for factor in (1 / FACTOR, FACTOR))
        cells = (
            f"{_shares(low, endpoint, day)} | {_shares(high, endpoint, day)}"
            for endpoint, day in (("overall_survival", 729.0), ("complete_remission", 182.0))
        )
        rows.append((f"`{name}`", *(cell.replace("|", "to") for cell in cells)))
    yield _table(("number", "alive after two years", "remission by day 182"), rows)


def _shares(results: Results, endpoint: str, day: float) -> str:
    times = results.events(endpoint)
    return ", ".join(f"{100 * times.holds_on(arm, day).mean():.0f}" for arm in results.arms)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


if __name__ == "__main__":
    main(sys.argv[1])
