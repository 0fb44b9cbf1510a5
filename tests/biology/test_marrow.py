"""Irradiation kills by dose, and marrow rescues by number: nothing, little, enough."""

from __future__ import annotations

import numpy as np
import pytest

import gvlab

SUBJECTS = 40
MODEL = gvlab.Model.default()


def alive(gray: str, marrow: str | None, *, system="balbc_into_b6_mll_ptd", fractions=1, engine=None, day=60):
    """Return the share of mice alive, without leukemia and T cells."""
    every = None if fractions == 1 else "6 hour"
    until = None if fractions == 1 else f"day {0.25 * (fractions - 1)}"
    plan = gvlab.Protocol.of(gvlab.Dose("total_body_irradiation", gray, at="day 0", every=every, until=until))
    if marrow is not None:
        plan = plan + gvlab.Dose("balbc_bone_marrow", marrow, at="day 1")
    mice = gvlab.System.read(system).cohort(SUBJECTS, seed=3)
    run = gvlab.simulate(MODEL, mice, plan, until=float(day), outputs=("alive", "normal_hematopoiesis"), engine=engine)
    return float(np.nanmean(np.where(np.isnan(run.values("alive")[:, -1]), 0.0, run.values("alive")[:, -1])))


def test_little_irradiation_kills_nobody_and_much_kills_all():
    assert alive("0 Gy", None) == 1
    assert alive("0.001 Gy", None) == 1
    assert alive("4 Gy", None) > 0.95
    assert 0.1 < alive("8.5 Gy", None) < 0.95
    assert alive("11 Gy", None) < 0.1


def test_more_marrow_rescues_more_mice():
    shares = [alive("11 Gy", cells) for cells in (None, "1e4 cell", "1e5 cell", "5e6 cell")]
    assert shares == sorted(shares)
    assert shares[0] < 0.1
    assert shares[-1] > 0.95


def test_fractions_add_up():
    assert alive("5.5 Gy", None) > 0.9
    assert alive("5.5 Gy", None, fractions=2) == pytest.approx(alive("11 Gy", None), abs=0.1)


def test_a_second_irradiation_kills_the_graft_too():
    first = gvlab.Dose("total_body_irradiation", "10 Gy", at="day 0")
    marrow = gvlab.Dose("balbc_bone_marrow", "5e6 cell", at="day 0")
    second = gvlab.Dose("total_body_irradiation", "11 Gy", at="day 60")
    mice = gvlab.System.read("balbc_into_b6_mll_ptd").cohort(SUBJECTS, seed=3)
    run = gvlab.simulate(MODEL, mice, first + marrow + second, until=120.0, outputs=("alive",))
    state = np.nan_to_num(run.values("alive"))
    assert state[:, 59].mean() > 0.95
    assert state[:, -1].mean() < 0.2


def test_balbc_mice_are_more_sensitive_than_c57bl6():
    assert alive("8 Gy", None, system="b6_into_balbc_wehi3b") < alive("8 Gy", None)


def test_both_engines_agree_on_irradiation():
    assert alive("9 Gy", "5e4 cell", engine="roadrunner") == pytest.approx(alive("9 Gy", "5e4 cell"), abs=0.03)
