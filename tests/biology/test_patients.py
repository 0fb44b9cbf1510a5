"""What the model says of patients, and what it must not do to mice."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.experiment import Experiment
from gvlab.findings.one_set import fates_of, judge_finding, registry_fates
from gvlab.library import Library
from gvlab.protocol import Arm, Dose


@pytest.fixture(scope="module")
def results():
    return Experiment.read("patients_four_arms").run(1, subjects=160, days=[0, 14, 56])


def test_every_patient_is_followed(results):
    assert all(results.run(arm).ok.all() for arm in results.arms)


def test_day_0_is_an_untreated_relapse(results):
    """Treatment begins on day 0, so until then the arms are the same, and readings have come to rest."""
    first = [results.reading("il15_mrna_mean", 0.0, arm) for arm in results.arms]
    for other in first[1:]:
        assert first[0] == pytest.approx(other, rel=1e-6, nan_ok=True)
    assert np.nanmedian(results.reading("FLT3_activity", 0.0, "Sorafenib")) == pytest.approx(1.0, abs=1e-3)


def test_who_dies_before_day_0_is_no_patient(results):
    times = results.events("overall_survival")
    assert (times.table["duration"] >= 0).all()
    run = results.run("Chemotherapy")
    died_before = int(np.sum(run.end_times < 0))
    assert len(times.of("Chemotherapy")) == len(run) - died_before


def test_relapse_counts_from_remission(results):
    remission = results.events("complete_remission").of("Chemotherapy")
    reached = remission[remission["event_observed"] == 1]
    relapse = results.events("relapse_from_remission").of("Chemotherapy")
    assert set(relapse["subject"]) == set(reached["subject"])
    later = relapse.merge(reached, on="subject", suffixes=("", "_remission"))
    overall = results.events("overall_survival").of("Chemotherapy").set_index("subject")["duration"]
    assert (later["duration"] + later["duration_remission"] <= overall[later["subject"]].to_numpy() + 1e-6).all()


def test_lymphocytes_bring_gvhd_and_nothing_else_does(results):
    grade_2 = results.events("acute_gvhd_2_4")
    assert (grade_2.of("Chemotherapy")["event_observed"] != 1).all()
    assert (grade_2.of("Chemotherapy + DLI")["event_observed"] == 1).any()


def test_responders_are_read_apart(results):
    library = Library.default()
    runs = {("patients_four_arms", "relapse_after_hct"): results}
    rise, none = (judge_finding(library.read("findings", name), runs, 1) for name in ("C39", "C41"))
    counts = [each.outcome.subjects for each in (rise.comparisons[0], none.comparisons[0])]
    assert min(counts) > 0
    assert sum(counts) <= 160
    assert "of responders" in rise.comparisons[0].in_words()


def test_a_registry_counts_who_lived_to_be_given_it(results):
    """Of two arms that differ in lymphocytes on day 14 everybody is counted once, and nobody given them died before."""
    for without in ("Chemotherapy", "Sorafenib"):
        groups = [registry_fates(results, "overall_survival", 365.0, arm) for arm in (without, f"{without} + DLI")]
        asked = [fates_of(results, "overall_survival", 365.0, arm) for arm in (without, f"{without} + DLI")]
        assert sum(len(group.holds) for group in groups) == sum(len(group.holds) for group in asked)
        assert groups[1].duration.min() >= 14
        died_early = int((asked[1].duration < 14).sum())
        assert len(groups[0].holds) == len(asked[0].holds) + died_early


def test_a_rank_is_held_against_the_best_of_the_others(results):
    runs = {("patients_four_arms", "relapse_after_hct"): results}
    judged = judge_finding(Library.default().read("findings", "C44"), runs, 1)
    registry, intention = judged.comparisons
    shares = {arm: results.events("overall_survival").holds_on(arm, 365.0).mean() for arm in results.arms}
    mine = shares.pop("Sorafenib + DLI")
    assert intention.outcome.effect.value == pytest.approx(mine - max(shares.values()), abs=1e-9)
    assert "as a registry counts, on day 365, Sorafenib + DLI against the best of" in registry.in_words()
    assert judged.verdict == registry.outcome.verdict


def test_mice_have_no_clinical_events():
    mice = Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b").run(1, subjects=6)
    names = {"complete_remission", "partial_remission", "relapse", "acute_gvhd_2", "acute_gvhd_3", "steroid_begins"}
    for arm in mice.arms:
        run = mice.run(arm)
        assert not {run.event_ids[event] for event in run.events["event"]} & names


def test_the_mean_of_tablets_gives_their_mean_concentration():
    experiment = Experiment.read("patients_four_arms")
    arms = [
        Arm("tablets", Dose("sorafenib", "400 mg", at="day 0", every="12 hours", until="day 40")),
        Arm("mean", Dose("sorafenib", "800 mg/day", at="day 0", route="mean")),
    ]
    both = experiment.replace(arms=tuple(arms), until="day 40", assays=("C_sorafenib",), endpoints=())
    days = np.arange(38.0, 40.0, 1 / 48)
    run = both.run(1, subjects=4, days=days.tolist())
    tablets, mean = (
        np.mean([run.reading("C_sorafenib", float(day), arm) for day in days], axis=0) for arm in ("tablets", "mean")
    )
    assert tablets == pytest.approx(mean, rel=0.02)


def test_a_remission_is_a_fall_from_the_relapse(results):
    """Three in five patients have few enough blasts for a partial remission before anything was done."""
    for arm in results.arms:
        run = results.run(arm)
        for name in ("partial_remission", "complete_remission"):
            log = run.events[run.events["event"] == run.event_ids.index(name)]
            assert (log["time"] > 0).all()
            fallen = run.final("burden_at_relapse")[log["subject"]]
            assert (fallen > 1).all()


def test_mutants_go_on_being_born_by_their_intensity():
    """The number born has the mean that the intensity says, and clones that die out are followed by others."""
    experiment = Experiment.read("patients_four_arms")
    arm = Arm("untreated", list(experiment.arms[0].protocol.doses[:2]))
    alone = experiment.replace(arms=(arm,), until="day 60", assays=("mutants_expected",), endpoints=())
    cohort = alone.system.cohort(400, 3)
    never = dict.fromkeys(("theta_death_leukemia", "theta_death_gvhd", "theta_death_other"), 1e30)
    cohort = cohort.replace({**never, "f_mutant_relapse": 0.0, "U_mutants_relapse": 0.0})
    run = alone.run(3, cohort=cohort, days=[60.0]).run("untreated")
    born = np.bincount(
        run.events["subject"][run.events["event"] == run.event_ids.index("new_mutant")], minlength=len(run)
    )
    expected = run.final("mutants_expected")
    assert born.max() > 1
    assert born.mean() == pytest.approx(expected.mean(), abs=4 * np.sqrt(expected.mean() / len(run)) + 0.02)
    assert (run.events["event"] == run.event_ids.index("cure_mutant")).any()


def test_exposure_falls_since_the_start_of_the_drug_and_not_of_the_run():
    experiment = Experiment.read("patients_four_arms")
    days = [1.0, 30.0, 90.0]
    arms = [Arm(f"day {day}", Dose("sorafenib", "800 mg/day", at=f"day {day}", route="mean")) for day in (0, 200)]
    both = experiment.replace(arms=tuple(arms), until="day 300", assays=("C_sorafenib",), endpoints=())
    run = both.run(1, cohort=both.system.typical(), days=[*days, *(200 + day for day in days)])
    early, late = (
        [float(run.reading("C_sorafenib", start + day, f"day {start}")[0]) for day in days] for start in (0, 200)
    )
    assert early == pytest.approx(late, rel=1e-5)
    assert early[2] < 0.9 * early[1]


def test_lymphocytes_are_stopped_by_gvhd():
    experiment = Experiment.read("patients_four_arms")
    base = list(experiment.arms[0].protocol.doses[:2])
    every = {"at": "day 14", "every": "14 days", "until": "day 126"}
    arms = [
        Arm("all", [*base, Dose("donor_lymphocytes", "1e8 cell/kg", **every)]),
        Arm("stopped", [*base, Dose("donor_lymphocytes", "1e8 cell/kg", when="gvhd_grade < 2", **every)]),
    ]
    both = experiment.replace(arms=tuple(arms), until="day 150", assays=("gvhd_damage",), endpoints=("acute_gvhd_2_4",))
    run = both.run(1, subjects=100)
    with_gvhd = {arm.name: run.events("acute_gvhd_2_4").of(arm.name) for arm in arms}
    first, same = (table.set_index("subject")["duration"] for table in with_gvhd.values())
    had = with_gvhd["all"].query("event_observed == 1")["subject"]
    assert len(had) > 0
    # Who has GVHD has it on the same day, since the rule asks only afterwards; damage is less from then on.
    assert same[had].to_numpy() == pytest.approx(first[had].to_numpy(), rel=1e-3)
    damage = {arm.name: run.run(arm.name).final("cumulative_hazard_gvhd") for arm in arms}
    assert (damage["stopped"] <= damage["all"] * 1.001 + 1e-6).all()
    assert damage["stopped"].sum() < damage["all"].sum()


def test_ruxolitinib_begins_with_severe_gvhd_and_cuts_the_signal():
    experiment = Experiment.read("patients_four_arms")
    cohort = experiment.system.cohort(100, 1)
    outcome = {}
    for given in (0.0, 1.0):
        run = experiment.run(1, cohort=cohort.replace({"on_gvhd_ruxolitinib": given})).run("Chemotherapy + DLI")
        begun = run.events["event"] == run.event_ids.index("ruxolitinib_begins")
        severe = run.events["event"] == run.event_ids.index("acute_gvhd_3")
        outcome[given] = begun.sum(), severe.sum()
    assert outcome[0.0][0] == 0
    assert outcome[1.0][0] >= outcome[1.0][1] > 0


def test_patients_in_remission_relapse_when_leukemia_is_left_and_else_not():
    experiment = Experiment.read("patients_maintenance")
    cohort = experiment.system.cohort(120, 2)
    run = experiment.run(2, cohort=cohort)
    left = cohort.column("f_burden_remission") > 0
    for arm in run.arms:
        relapsed = run.events("relapse").of(arm).query("event_observed == 1")["subject"]
        assert set(relapsed) <= set(np.flatnonzero(left))
        # Donor memory against the leukemia holds down what is left.
        measurable = np.flatnonzero(cohort.column("f_burden_remission") > 1e-6)
        remembered = cohort.column("f_residual_memory")[measurable] > 0
        held = ~np.isin(measurable, list(relapsed))
        assert held[remembered].mean() > held[~remembered].mean() + 0.2
    share = {arm: run.events("relapse").holds_on(arm, 180.0).mean() for arm in run.arms}
    assert 0 < share["Sorafenib"] < share["Observation"] < left.mean()
    assert "Observation" in str(run.summary())


def test_what_endpoints_lack_is_told_once_and_of_patients_only():
    lacks = Experiment.read("patients_four_arms").left_out
    assert any(line.startswith("GVHD-free, relapse-free survival: Chronic GVHD") for line in lacks)
    both = [line for line in lacks if line.startswith("Acute GVHD, grades II to IV, Acute GVHD, grades III and IV: ")]
    assert len(both) == 1
    assert not Experiment.read("mathew2018_survival").left_out
