"""The mean-field extinction of the model, held against exact birth and death of blasts under reacting T cells."""

import numpy as np
import pytest

import gvlab
from gvlab.calibration import Ensemble
from reference.hybrid import birth_death, extinct_share, mean_field

SYSTEM, ARM = "b6_into_balbc_wehi3b", "BM + T cells + sorafenib"
DAYS = [float(day) for day in range(10, 62, 2)]
LEAST, ON_THE_BORDER, EARLY = 0.05, 0.2, 5.0
"""Error of the share cured in the end, of sure mice and of those between cure and relapse, and days by which the model
may be early; sizes are in docs/science."""


def test_steps_of_birth_and_death_add_up_to_kendall():
    random = np.random.default_rng(1)
    birth, death, cells = 0.6, 0.5, 20
    n = np.full(20_000, cells)
    for _ in range(10):
        n = birth_death(n, np.full(n.shape, birth), np.full(n.shape, death), 1.0, random)
    grown = np.exp((birth - death) * 10)
    extinct = (death * (grown - 1) / (birth * grown - death)) ** cells
    assert np.mean(n == 0) == pytest.approx(extinct, abs=0.01)
    assert n.mean() == pytest.approx(cells * grown, rel=0.02)


def typical(values=None, names=(), subjects=1):
    system = gvlab.System.read(SYSTEM)
    mouse = system.typical()
    if values is None:
        return mouse
    table = system.parameters()
    changes = {}
    for name, value in zip(names, values, strict=True):
        parameter, _, context = name.partition("@")
        if parameter in table and ";".join(table.row(parameter).context) == context:
            changes[parameter] = float(value)
    return mouse.replace(changes)


def compare(mouse, days, replicates, seed):
    protocol = gvlab.Experiment.read("mathew2018_survival", SYSTEM).arm(ARM).protocol
    model = gvlab.Model.default()
    exact = extinct_share(model, mouse, protocol, days, replicates, np.random.default_rng(seed))
    return exact, mean_field(model, mouse, protocol, days)


def days_early(exact, mean):
    """Days between the day on which half of the end is reached, in the model and in the exact simulation."""
    return DAYS[int(np.argmax(exact >= exact[-1] / 2))] - DAYS[int(np.argmax(mean >= mean[-1] / 2))]


def most_surely_cured():
    """The typical mouse of that plausible set, among twelve, whose model says so."""
    ensemble, model = Ensemble.read("mathew2018").thin(12), gvlab.Model.default()
    protocol = gvlab.Experiment.read("mathew2018_survival", SYSTEM).arm(ARM).protocol
    mice = [typical(values, ensemble.names) for values in ensemble.values]
    return max(mice, key=lambda mouse: mean_field(model, mouse, protocol, DAYS)[-1])


def test_extinction_of_the_nominal_mouse_is_nearly_that_of_exact_birth_and_death():
    exact, mean = compare(typical(), DAYS, 200, 2)
    assert exact[-1] == pytest.approx(mean[-1], abs=LEAST)


def test_extinction_of_a_cured_mouse_is_nearly_that_of_exact_birth_and_death():
    exact, mean = compare(most_surely_cured(), DAYS, 200, 2)
    assert exact[-1] == pytest.approx(mean[-1], abs=LEAST)
    assert exact[-1] > 0.5
    assert 0 <= days_early(exact, mean) <= EARLY


@pytest.mark.nightly
def test_extinction_of_plausible_mice_is_nearly_that_of_exact_birth_and_death():
    ensemble = Ensemble.read("mathew2018").thin(6)
    for number, values in enumerate(ensemble.values):
        exact, mean = compare(typical(values, ensemble.names), DAYS, 200, number)
        assert exact[-1] == pytest.approx(mean[-1], abs=ON_THE_BORDER)
        if exact[-1] > 0.5:
            assert 0 <= days_early(exact, mean) <= EARLY
