"""The division that priming sets off in patients ends by itself, and a burst is in proportion to what began."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.engine.solve import solve
from gvlab.experiment import Experiment
from gvlab.model.model import Model
from gvlab.subject import System

MODEL = Model.default()
DAYS = np.linspace(0.0, 60.0, 601)


def tissue_cd8(system: str, **changes):
    """Return effectors in host tissue, shape (subject, day), and the parameters; room is endless, leukemia absent."""
    table = System.read(system).parameters()
    known = {name: table.value(name) for name in table.ids if name in MODEL.equations.parameters}
    alone = known | {"on_clinical_events": 0.0, "on_il15_gvhd": 0.0, "cd8_max_tissue": 1e40, "k_death_effector": 0.15}
    values = alone | {name: np.asarray(value, dtype=float) for name, value in changes.items()}
    subjects = max(np.size(value) for value in values.values())
    solution = solve(
        MODEL.equations, DAYS, subjects=subjects, outputs=["cd8_effector_tissue"],
        parameters={name: np.broadcast_to(value, subjects) for name, value in values.items()},
    )  # fmt: skip
    return np.asarray(solution.values).reshape(subjects, -1), table


def test_a_burst_is_largest_when_division_falls_to_death_and_then_contracts():
    """Division p e^(-k t) less death d: largest on day ln(p / d) / k, whatever the dose and the host antigen left."""
    cells, table = tissue_cd8(
        "relapse_after_hct", cd8_effector_tissue=[100.0, 4000.0, 100.0], host_antigen=[0.05, 0.05, 0.5]
    )
    p, k, d = table.value("k_proliferation_cd8"), table.value("k_end_program"), 0.15
    expected = np.exp(p / k * (1 - np.exp(-k * DAYS)) - d * DAYS)
    assert cells == pytest.approx(np.outer([100.0, 4000.0, 100.0], expected), rel=1e-4)
    assert DAYS[cells.argmax(axis=1)] == pytest.approx(np.log(p / d) / k, abs=0.1)


def test_newly_primed_cells_bring_a_program_that_is_whole():
    """Founders that are primed late, beside few spent cells, divide as the first did."""
    late, _ = tissue_cd8("relapse_after_hct", program_spent_cd8=[0.0, 1.0], cd8_effector_tissue=100.0)
    assert late[1] == pytest.approx(100 * np.exp(-0.15 * DAYS), rel=1e-4)
    refreshed, _ = tissue_cd8(
        "relapse_after_hct", program_spent_cd8=[0.0, 1.0], cd8_founder=1e6, cd8_effector_tissue=1.0, host_antigen=0.5
    )
    assert refreshed[1, -1] == pytest.approx(refreshed[0, -1], rel=0.05)


def test_mice_divide_as_long_as_there_is_antigen():
    cells, table = tissue_cd8(
        "b6_into_balbc_wehi3b", cd8_effector_tissue=1.0, host_antigen=[0.0, 0.5, 1.0], k_loss_host_antigen=0.0
    )
    days, p = DAYS[:200], table.value("k_proliferation_cd8")
    assert cells[:, :200] == pytest.approx(np.exp(np.outer([0.0, 0.5, 1.0], p * days) - 0.15 * days), rel=1e-3)


def test_more_lymphocytes_bring_more_gvhd():
    results = Experiment.read("patients_dli_dose").run(1, subjects=200)
    share = [results.events("acute_gvhd_2_4").holds_on(arm, 379.0).mean() for arm in results.arms]
    assert share[0] == 0
    assert share == sorted(share)
    assert share[3] > share[1] + 0.1
