"""An arm in a system is what is done to whom, whatever it is called."""

from __future__ import annotations

import pytest

from gvlab.experiment import Experiment
from gvlab.findings.comparisons import ArmInSystem
from gvlab.library import Library


@pytest.mark.parametrize("name", Library().names("experiments"))
def test_every_arm_of_an_experiment_is_followed_on_its_own(name):
    experiment, again = Experiment.read(name), Experiment.read(name)
    arms = {ArmInSystem(experiment.system, arm) for arm in experiment.arms}
    assert len(arms) == len(experiment.arms)
    assert arms == {ArmInSystem(again.system, arm) for arm in again.arms}


def test_arms_of_two_experiments_that_do_the_same_are_one():
    survival = Experiment.read("mathew2018_survival", "balbc_into_b6_marrow_itd")
    source = Experiment.read("mathew2018_il15_source", "balbc_into_b6_marrow_itd")
    both = "BM + T cells + sorafenib"
    assert ArmInSystem(survival.system, survival.arm(both)) == ArmInSystem(source.system, source.arm(both))
