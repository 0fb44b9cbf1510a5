"""What is said and drawn where nothing drives an outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gvlab.calibration.drivers import Driven
from gvlab.figures.ensemble import drivers
from gvlab.statistics.sensitivity import Sensitivity
from gvlab.workflows.rank_drivers import _in_words

NAMES = ("k_killing_cd8", "k_birth_blast", "K_pd1_killing")


def driven(*effects):
    zeros = np.zeros(3)
    morris = Sensitivity(NAMES, np.array(effects), zeros, zeros, zeros, "Morris")
    pawn = Sensitivity(NAMES, np.array(effects), zeros, zeros, zeros, "PAWN", noise=0.1)
    return Driven("b6_into_balbc_wehi3b", "cure", morris, pawn, 0.5)


def test_nothing_drives_a_share_that_does_not_move():
    assert "nothing drives it; within what is plausible the share does not move" in _in_words(driven(0.0, 0.004, 0.0))


def test_what_drives_a_share_is_named_with_its_effect():
    assert _in_words(driven(0.3, 0.0, 0.2)).endswith(
        "k_killing_cd8 (0.30), K_pd1_killing (0.20). PAWN agrees on k_killing_cd8, K_pd1_killing."
    )


@pytest.mark.parametrize("effect", [0.0, 0.3])
def test_effects_of_nothing_are_drawn_too(effect):
    table = pd.DataFrame({"parameter": NAMES, "outcome": "WEHI-3B", "effect": effect})
    figure = drivers(table, label="Change of the share")
    low, high = figure.axes[0].get_xlim()
    assert low == 0
    assert high > effect
