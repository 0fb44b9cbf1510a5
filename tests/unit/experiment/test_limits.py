"""What is never given to a patient is refused when the experiment is made, in words that tell the way out."""

from __future__ import annotations

import pytest

from gvlab.errors import ProtocolError
from gvlab.experiment import Experiment
from gvlab.protocol import Arm, Dose, Harvest


def given(experiment, *doses):
    return experiment.replace(arms=(Arm("one", list(doses)),), endpoints=())


@pytest.mark.parametrize(
    ("dose", "words"),
    [
        (
            Dose("sorafenib", "600 mg", at="day 0", every="12 hours", until="day 9"),
            "makes 1200 mg within a day, and the most is 800",
        ),
        (Dose("sorafenib", "1200 mg/day", at="day 0", route="mean"), "makes 1200 mg within a day, and the most is 800"),
        (
            Dose("donor_lymphocytes", "1e7 cell/kg", at="day -3"),
            "on day -3, before day 0: they are given for the relapse",
        ),
    ],
)
def test_what_no_patient_is_given_is_refused(dose, words):
    with pytest.raises(ProtocolError) as caught:
        given(Experiment.read("patients_four_arms"), dose)
    assert words in str(caught.value)
    assert "Give " in str(caught.value)


def test_doses_within_a_day_are_added_and_those_per_body_mass_or_in_moles_count():
    tablets = {"every": "12 hours", "until": "day 9"}
    patients = Experiment.read("patients_four_arms")
    with pytest.raises(ProtocolError, match="makes 1600 mg within a day"):
        given(
            patients,
            Dose("sorafenib", "400 mg", at="day 0", **tablets),
            Dose("sorafenib", "400 mg", at="day 0.25", **tablets),
        )
    # The reference patient weighs 80 kg; 464.8 g/mol.
    with pytest.raises(ProtocolError, match="makes 960 mg within a day"):
        given(patients, Dose("sorafenib", "6 mg/kg", at="day 0", **tablets))
    with pytest.raises(ProtocolError, match=r"makes 929\.6 mg within a day"):
        given(patients, Dose("sorafenib", "1000 umol", at="day 0", **tablets))
    with pytest.raises(ProtocolError, match="makes 1300 mg within a day"):
        given(
            patients,
            Dose("sorafenib", "500 mg/day", at="day 0", route="mean"),
            Dose("sorafenib", "400 mg", at="day 3", **tablets),
        )
    given(
        patients,
        Dose("sorafenib", "800 mg/day", at="day 0", until="day 3", route="mean"),
        Dose("sorafenib", "400 mg", at="day 3", **tablets),
    )
    # A second rate takes the place of the first.
    given(
        patients,
        Dose("sorafenib", "800 mg/day", at="day 0", route="mean"),
        Dose("sorafenib", "400 mg/day", at="day 3", route="mean"),
    )
    # Tablets in the hold of a rate, and after one that ended, although another rate stood before it.
    week = {"at": "day 3", "every": "12 hours", "until": "day 6"}
    given(
        patients,
        Dose("sorafenib", "800 mg/day", at="day 0", route="mean", holds=(("day 2", "day 9"),)),
        Dose("sorafenib", "400 mg", **week),
    )
    given(
        patients,
        Dose("sorafenib", "800 mg/day", at="day 0", route="mean"),
        Dose("sorafenib", "400 mg/day", at="day 1", until="day 2", route="mean"),
        Dose("sorafenib", "400 mg", **week),
    )
    # Three times a day from different hours, never more than 800 mg within 24 hours.
    given(patients, Dose("sorafenib", "266 mg", at="day 0", every="8 hours", until="day 9"))


def test_irradiation_that_no_graft_helps_against_is_refused():
    mice = Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b")
    with pytest.raises(ProtocolError, match=r"makes 1000 Gy within a day, and the most is 13: .* intestine"):
        given(mice, Dose("total_body_irradiation", "1000 Gy", at="day 0"))
    halves = [Dose("total_body_irradiation", "8 Gy", at=at) for at in ("day 0", "day 0.2")]
    with pytest.raises(ProtocolError, match="makes 16 Gy within a day"):
        given(mice, *halves)
    given(mice, Dose("total_body_irradiation", "8 Gy", at="day 0"), Dose("total_body_irradiation", "8 Gy", at="day 1"))


def test_primary_recipients_are_irradiated_no_more_than_others():
    mice = Experiment.read("mathew2018_secondary", "b6_into_balbc_wehi3b")
    primary = [Dose("total_body_irradiation", "1000 Gy", at="day 0")]
    with pytest.raises(ProtocolError, match=r"makes 1000 Gy within a day, and the most is 13"):
        given(mice, Dose("secondary_t_cells", "1e6 cell", at="day 0", harvest=Harvest(primary, at="day 14")))


def test_the_licensed_dose_is_given_and_mice_have_no_such_limit():
    given(
        Experiment.read("patients_four_arms"),
        Dose("sorafenib", "400 mg", at="day 0", every="12 hours", until="day 9"),
        Dose("donor_lymphocytes", "1e7 cell/kg", at="day 0"),
    )
    given(Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b"), Dose("sorafenib", "1000 mg", at="day 0"))
