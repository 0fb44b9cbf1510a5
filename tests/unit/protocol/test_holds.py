"""Holds of a dose, reductions, and doses that are given only where something holds."""

from __future__ import annotations

import pytest

from gvlab.errors import ProtocolError
from gvlab.experiment import Experiment
from gvlab.experiment.text import ExperimentFile
from gvlab.protocol import Arm, Dose, Protocol


def tablets(**more):
    return Dose("sorafenib", "400 mg", **{"at": "day 0", "every": "12 hours", "until": "day 60", **more})


def mean(**more):
    return Dose("sorafenib", "800 mg/day", **{"at": "day 0", "route": "mean", **more})


HALF = Dose("sorafenib", "400 mg/day", at="day 40", route="mean")


def test_nothing_is_given_in_a_hold():
    held = tablets(holds=[("day 30", "day 44")])
    assert max(time for time in held.times if time < 40) == 29.5
    assert min(time for time in held.times if time >= 30) == 44
    assert held.repeats + 1 == len(held.times) == 121 - 28
    assert "(oral, 93 doses), held from day 30 until day 44." in held.in_words()


def test_what_goes_on_is_ended_by_a_hold_and_begun_again():
    held = mean(holds=[("day 30", "day 44")], until="day 90")
    assert (held.times, held.stops) == ((0, 44), (30, 90))
    assert held.in_words() == "From day 0 to day 90: Sorafenib, 800 mg/day (mean), held from day 30 until day 44."


def taken(*doses, days=(20.0, 32.0, 43.9, 50.0)):
    """Return the concentration of a typical patient on days."""
    experiment = Experiment.read("patients_four_arms").replace(
        arms=(Arm("one", list(doses)),), until="day 90", assays=("C_sorafenib",), endpoints=()
    )
    run = experiment.run(1, cohort=experiment.system.typical(), days=list(days))
    return [float(run.reading("C_sorafenib", day, "one")[0]) for day in days]


def test_a_hold_takes_the_drug_away():
    with_drug, first, late, again = taken(mean(holds=[("day 30", "day 44")]))
    assert with_drug > 3
    assert late < 0.01 * first < 0.01 * with_drug
    assert again > 3


def test_a_hold_of_tablets_is_a_hold_of_their_mean():
    holds = [("day 30", "day 44")]
    by_mean, by_tablets = taken(mean(holds=holds)), taken(tablets(holds=holds))
    assert by_tablets[3] == pytest.approx(by_mean[3], rel=0.35)
    assert by_tablets[2] < 0.01 * by_tablets[0]


def test_a_reduction_is_a_second_dose():
    whole, reduced = taken(mean(), HALF, days=(39.0, 80.0))
    assert reduced < 0.6 * whole


@pytest.mark.parametrize(
    "doses",
    [
        [tablets(holds=[("day 30", "day 44"), ("day 50", "day 52")])],
        [mean(holds=[("day 30", "day 44")], until="day 60")],
        [mean(until="day 40"), HALF],
    ],
)
def test_a_dosing_table_has_holds_both_ways(doses):
    protocol = Protocol(tuple(doses))
    back = Protocol.from_table(protocol.table())
    assert back.table().equals(protocol.table())
    assert taken(*back, days=(20.0, 32.0, 50.0, 70.0)) == pytest.approx(
        taken(*protocol, days=(20.0, 32.0, 50.0, 70.0)), rel=1e-9
    )


def test_text_keeps_holds_and_when():
    experiment = Experiment.read("patients_four_arms")
    held = experiment.replace(
        arms=(Arm("one", [tablets(holds=[("day 30", "day 44")], when="gvhd_grade < 2")]),), until="day 90"
    )
    back = ExperimentFile.parse(ExperimentFile(held).to_yaml()).experiment
    assert back.arms[0].protocol == held.arms[0].protocol


@pytest.mark.parametrize(
    ("holds", "words"),
    [
        (
            [("day 30", "day 44"), ("day 40", "day 50")],
            'held from "day 30" to "day 44" and from "day 40" to "day 50"; th',
        ),
        ([("day 70", "day 80")], 'is given from "day 0" to "day 60". A hold begins within the treatment'),
        ([("day 44", "day 30")], "a hold ends after it begins. Swap the days."),
        ([("day 44",)], 'a hold is two days: ("day 30", "day 44")'),
    ],
)
def test_holds_that_cannot_be_are_refused(holds, words):
    with pytest.raises(ProtocolError) as caught:
        tablets(holds=holds)
    assert words in str(caught.value)


def test_what_is_given_once_has_no_hold():
    with pytest.raises(ProtocolError, match=r'is given once, so nothing can be held\. Leave "holds" out\.'):
        Dose("sorafenib", "400 mg", at="day 0", holds=[("day 1", "day 2")])


def test_a_dosing_table_cannot_say_when():
    with pytest.raises(ProtocolError, match='"gvhd_grade < 2" is asked of each subject'):
        Protocol.of(tablets(when="gvhd_grade < 2")).table()
