"""What the model says of patients, and what it must not do to mice."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.experiment import Experiment
from gvlab.findings.one_set import judge_finding
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
