"""What is never given to a patient is refused when the experiment is made, in words that tell the way out."""

from __future__ import annotations

import pytest

from gvlab.errors import ProtocolError
from gvlab.experiment import Experiment
from gvlab.protocol import Arm, Dose


def given(experiment, *doses):
    return experiment.replace(arms=(Arm("one", list(doses)),), endpoints=())


@pytest.mark.parametrize(
    ("dose", "words"),
    [
        (
            Dose("sorafenib", "600 mg", at="day 0", every="12 hours", until="day 9"),
            "1200 mg a day, and the most is 800",
        ),
        (Dose("sorafenib", "1200 mg/day", at="day 0", route="mean"), "1200 mg a day, and the most is 800"),
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


def test_the_licensed_dose_is_given_and_mice_have_no_such_limit():
    given(
        Experiment.read("patients_four_arms"),
        Dose("sorafenib", "400 mg", at="day 0", every="12 hours", until="day 9"),
        Dose("donor_lymphocytes", "1e7 cell/kg", at="day 0"),
    )
    given(Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b"), Dose("sorafenib", "1000 mg", at="day 0"))
