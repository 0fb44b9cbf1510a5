"""Writes docs/science/patients_results.md: benchmarks, claims, and what each scaling from mouse to human does.

gvlab population calibrate --left-out --recalibrations 100 --json p.json && python docs/generate_patients.py p.json
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from gvlab import units
from gvlab.calibration.expected_patients import expected_outcomes
from gvlab.experiment import Experiment, Results
from gvlab.findings.one_set import fates_of, judge_finding, registry_fates
from gvlab.library import Library
from gvlab.statistics import e_value, hazard_ratio, mantel_byar, risk_ratio, wilson_interval
from gvlab.subject import System

PAGE = Path(__file__).parent / "science" / "patients_results.md"
SEED, PATIENTS, DRAWN, REMISSION, FACTOR = 2018, 400, 1000, 1000, 3.0
MEASURABLE = 1e-6
"""Share of blasts that PCR and sequencing of FLT3-ITD see; 1e-6 to 1e-4."""
FEW_BLASTS = 0.27
"""Share of the marrow; the burden is a share of 1e12 marrow cells."""
WILD_TYPE = (("Complete remission", 25, 7), ("Alive at two years", 18, 4), ("Event-free at two years", 17, 4))
"""How many of 38 given sorafenib and of 24 not given it, by the published percentages (Jiang 2025)."""
SCALED = (
    "k_proliferation_cd8",
    "k_end_program",
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
        *_predictions(calibrated),
        *_claims(results),
        *_analyses(results),
        *_series(results),
        *_prognosis(results),
        *_remission(),
        *_confounding(),
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
        f"{100 * calibrated['largest_weight']:.2f} %; {calibrated['not_followed_in_words']}. "
        f"*Weighted* is what they say, and *drawn* what {DRAWN:,} patients say whom experiments draw by weight "
        f"(seed {SEED}); *unweighted* shows how much weights do. *Left out* is what a population found without a row "
        f"says of that row.{_luck(calibrated)}"
    )
    library = Library.default()
    (name,) = library.names("benchmarks")
    benchmarks = library.read("benchmarks", name)
    system = System.read(benchmarks.system, library)
    drawn = expected_outcomes(benchmarks, system.cohort(DRAWN, SEED), system)
    head = ("row", "outcome", "use", "published", "n", "interval", "unweighted", "weighted", "drawn",
            "over calibrations", "left out")  # fmt: skip
    rows = []
    for row in calibrated["benchmarks"]:
        share = drawn.share(row["id"], drawn.solved)
        rows.append(
            (
                row["id"],
                row["title"],
                row["use"],
                _percent(row["published"]),
                f"{row['n']}",
                f"{_percent(row['low'])} to {_percent(row['high'])}",
                _percent(row["unweighted"]),
                _percent(row["population"]) + ("" if row["inside"] else " (outside)"),
                _percent(share) + ("" if row["low"] <= share <= row["high"] else " (outside)"),
                _over_calibrations(row),
                (_percent(row["left_out"]) + ("" if row["left_out_inside"] else " (outside)"))
                if "left_out" in row
                else "",
            )
        )
    yield _table(head, rows)


def _luck(calibrated: dict) -> str:
    worth = calibrated["effective_patients_of_recalibrations"]
    if not worth:
        return " Intervals *over calibrations* were not computed."
    anew = calibrated["recalibrations_that_followed_patients"]
    return (
        f" *Over calibrations*: {100 * calibrated['coverage_of_recalibrations']:.0f} % of "
        f"{calibrated['recalibrations']} calibrations to benchmarks and patients with other luck; each moves medians, "
        "spreads and correlations once more, and weighs the patients who had been followed, drawn again and "
        f"counted for the moved population; {anew or 'none'} needed new patients. They rest on {min(worth):,.0f} to "
        f"{max(worth):,.0f} effective patients each."
    )


def _over_calibrations(row: dict) -> str:
    if "calibrations_low" not in row:
        return ""
    return f"{_percent(row['calibrations_low'])} to {_percent(row['calibrations_high'])}"


def _predictions(calibrated: dict) -> Iterator[str]:
    yield "## The arms"
    yield f"What the weighted population says of each arm.{_luck(calibrated)}"
    yield _table(
        ("prediction", "unweighted", "weighted", "over calibrations"),
        (
            (
                row["title"],
                _percent(row["unweighted"]),
                _percent(row["population"]),
                _over_calibrations(row),
            )
            for row in calibrated["predictions"]
        ),
    )


def _analyses(results: Results) -> Iterator[str]:
    """Show the same patients analyzed in four ways, which C43 and C44 hang on."""
    yield "## The same patients, analyzed in four ways"
    landmark_day, year = 28.0, 365.0
    rows = []
    ways = {
        "by intention": fates_of,
        "as a registry counts": registry_fates,
        f"alive on day {landmark_day:g} (landmark), as a registry counts": registry_fates,
    }
    for name, fates in ways.items():
        shares = []
        for arm in results.arms:
            alive = fates(results, "overall_survival", year, arm)
            if name.startswith("alive"):
                alive = alive.where(alive.duration > landmark_day)
            shares.append(f"{100 * alive.holds.mean():.0f} % of {len(alive.holds)}")
        rows.append((name, *shares))
    yield f"Share alive on day {year:g}."
    yield _table(("analysis", *results.arms), rows)
    tests = []
    for without in ("Chemotherapy", "Sorafenib"):
        arms = [results.events("overall_survival").of(arm) for arm in (without, f"{without} + DLI")]
        # By lot: neighbors in a space-filling design differ on purpose, so odd and even patients are two kinds.
        first_half = np.random.default_rng(SEED).permutation(PATIENTS) < PATIENTS // 2
        first, second = arms[0][first_half[arms[0]["subject"]]], arms[1][~first_half[arms[1]["subject"]]]
        given = results.experiment.system.doses["lymphocytes"].at
        day = units.day(given)
        both = pd.concat([first, second])
        planned = np.concatenate([np.full(len(first), np.nan), np.full(len(second), day)])
        changes = np.where(planned < both["duration"], planned, np.nan)
        test = mantel_byar(both["duration"], both["event_observed"] == 1, changes)
        tests.append(
            f"{without.lower()} with or without lymphocytes, chi-squared {test.statistic:.1f}, p {test.p_value:.2g}"
        )
    yield (
        "Mantel-Byar, each patient in one arm, lymphocytes counted from the day on which they are given: "
        f"{'; '.join(tests)}."
    )


def _series(results: Results) -> Iterator[str]:
    """Say how likely data as extreme as those of small series are."""
    yield "## Small series"
    cr = float(results.events("complete_remission").holds_on("Sorafenib", 182.0).mean())
    pr = float(results.events("partial_remission").holds_on("Sorafenib", 182.0).mean())
    year = float(results.events("overall_survival").holds_on("Sorafenib", 365.0).mean())
    durations = results.events("overall_survival").curve("Sorafenib").median().value
    rows = [
        ("C55, 0 of 16 in complete remission", _percent(cr), f"{(1 - cr) ** 16:.3f}"),
        ("C55, 3 of 16 or fewer in partial remission or better", _percent(pr), f"{stats.binom.cdf(3, 16, pr):.3f}"),
        ("C55, 0 of 16 alive at one year", _percent(year), f"{(1 - year) ** 16:.3f}"),
        ("C61, 0 of 15 in partial remission or better", _percent(pr), f"{(1 - pr) ** 15:.3f}"),
    ]
    yield f"Sorafenib alone; median survival {durations:.0f} days, published 83."
    yield _table(("series", "share", "probability of data as extreme"), rows)


def _prognosis(results: Results) -> Iterator[str]:
    """Hold the prognosis of few blasts at relapse against one that was published and never used (K18)."""
    yield "## Prognosis"
    yield (
        f"Death of patients with blasts below {100 * FEW_BLASTS:.0f} % of the marrow against others; published "
        "hazard ratio 0.53 (K18, any treatment), not used in any calibration."
    )
    cohort = results.experiment.system.cohort(PATIENTS, SEED)
    rows = []
    for arm in ("Chemotherapy", "Chemotherapy + DLI"):
        events = results.events("overall_survival")
        table = events.of(arm)
        few = cohort.column("f_burden_relapse")[table["subject"].to_numpy(dtype=np.int64)] < FEW_BLASTS
        group = np.where(few, "few", "many")
        ratio = hazard_ratio(table["duration"], table["event_observed"] == 1, group, of="few", versus="many").estimate
        alive = events.holds_on(arm, 729.0)
        rows.append(
            (arm, _percent(few.mean()), f"{ratio.value:.2f} ({ratio.lower:.2f} to {ratio.upper:.2f})",
             _percent(alive[few].mean()), _percent(alive[~few].mean()))
        )  # fmt: skip
    head = ("arm", "patients with few", "hazard ratio", "alive at two years, few", "alive at two years, others")
    yield _table(head, rows)


def _remission() -> Iterator[str]:
    """Say how many in remission relapse, by measurable disease, and how that hangs on the memory that is assumed."""
    yield "## Remission"
    yield (
        f"{REMISSION:,} patients of `flt3itd_remission_after_hct`, seed {SEED}: relapse within two years after "
        f"maintenance would begin, by disease above {MEASURABLE:g} on that day. Placebo patients of MORPHO "
        "relapsed in 42 % with disease that was measurable at any time around the transplantation, and in 13 % "
        "without (K32; *seen* before the population was written, and used for none of its numbers). What hangs on"
        " the donor memory that is assumed is shown below."
    )
    experiment = Experiment.read("patients_maintenance")
    as_it_is = experiment.system.cohort(REMISSION, SEED)
    memory = as_it_is.column("f_residual_memory")
    rows = []
    for words, factor in (("as it is", 1.0), ("a tenth", 0.1), ("ten times", 10.0), ("nobody has any", 0.0)):
        columns = {**as_it_is.columns, "f_residual_memory": memory * factor}
        cohort = dataclasses.replace(as_it_is, columns=columns)
        results = experiment.run(SEED, cohort=cohort)
        for arm in results.arms:
            events = results.events("relapse")
            relapsed = events.holds_on(arm, 729.0)
            subjects = events.of(arm)["subject"].to_numpy(dtype=np.int64)
            measurable = cohort.column("f_burden_remission")[subjects] >= MEASURABLE
            shares = []
            for group in (measurable, ~measurable):
                low, high = wilson_interval(int(relapsed[group].sum()), int(group.sum()))
                share = _percent(float(relapsed[group].mean()))
                shares.append(f"{share} ({100 * low:.0f} to {100 * high:.0f}) of {group.sum()}")
            rows.append((words, arm, *shares))
    yield _table(("memory", "arm", "relapse, measurable disease", "relapse, none measurable"), rows)


def _confounding() -> Iterator[str]:
    """Say how much confounding would explain away what sorafenib did in FLT3 wild type (C59)."""
    yield "## Confounding by indication"
    yield (
        "C59: 38 patients with FLT3 wild-type relapse were given sorafenib and 24 were not, by choice and not by lot. "
        "The E-value is the least risk ratio that a confounder must have with the choice and with the outcome, beyond "
        "what was measured, to make all of the difference; of the interval, to make it include none."
    )
    rows = []
    for outcome, reached, versus in WILD_TYPE:
        ratio = risk_ratio(reached, 38, versus, 24)
        rows.append(
            (
                outcome,
                f"{_percent(reached / 38)} of 38, {_percent(versus / 24)} of 24",
                f"{ratio.value:.2f} ({ratio.lower:.2f} to {ratio.upper:.2f})",
                f"{e_value(ratio.value):.1f}",
                f"{e_value(max(ratio.lower, 1.0)):.1f}",
            )
        )
    yield _table(("outcome", "published", "ratio of shares", "E-value", "E-value of the interval"), rows)


def _claims(results: Results) -> Iterator[str]:
    yield "## Claims about patients"
    yield f"{PATIENTS} patients, the same in all arms, drawn by weight, seed {SEED}."
    runs = {(results.experiment.name, results.experiment.system.name): results}
    for other in ("patients_flt3_wildtype", "patients_dli_dose"):
        experiment = Experiment.read(other)
        cohort = experiment.system.cohort(PATIENTS, SEED)
        runs[experiment.name, experiment.system.name] = experiment.run(SEED, cohort=cohort)
    rows = []
    for record in Library.default().read_all("findings").values():
        if record.experiment in {name for name, _ in runs}:
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
