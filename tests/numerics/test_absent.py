"""States that no subject has are left out of the compiled code, and no bit of what is left changes."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.engine import Operation
from gvlab.engine.ensemble import ready
from gvlab.engine.ensemble.engine import Engine
from gvlab.engine.ensemble.ready import ReadyModel
from gvlab.engine.request import check
from gvlab.model.model import Model
from gvlab.sbml.equations import Equations

from .conftest import equations

TIMES = np.linspace(0.0, 20.0, 41)


@pytest.fixture(scope="module")
def clinic() -> Equations:
    """Two drugs, cells that either may kill, a resistant clone that arises from the cells, and a switch."""
    return equations(
        """
        model clinic
            first = 0; first_depot = 0; second = 0; second_depot = 0; cells = 1; clone = 0; harm = 0; graded = 0
            ka = 2; CL = 0.7; k_grow = 0.4; k_kill = 1.1; EC50 = 0.3; k_clone = 0; f_through_gut = 1; on_grades = 0
            first_depot' = -ka*first_depot
            first' = ka*first_depot - CL*first
            second_depot' = -ka*second_depot
            second' = ka*f_through_gut*second_depot + (1 - f_through_gut)*cells - CL*second
            cells' = (k_grow - k_kill*first/(EC50 + first) - k_kill*second/(EC50 + second) - k_clone)*cells
            clone' = k_clone*cells + (k_grow - k_kill*second/(EC50 + second))*clone
            harm' = second*cells/(cells + clone) - 0.1*harm
            large: at (cells > 30): k_kill = 2*k_kill
            grade: at (on_grades > 0.5 && cells > 10): graded = 1, harm = harm + 1
        end
        """
    )


OUTPUTS = ("first", "second", "cells", "clone", "harm", "graded")
FIRST = (Operation(2.0, "add", "first_depot", 1.0), Operation(6.0, "add", "first_depot", 1.5))


def left(model: Equations, schedule=FIRST, **parameters: object) -> set[str]:
    """Return the states that are left of a model."""
    count = max(np.size(value) for value in (1, *parameters.values()))
    request = check(model, TIMES, count, OUTPUTS, parameters, schedule, (), None)
    return set(ReadyModel(model, "auto").without_absent(request).program.states)


def test_what_is_neither_there_nor_given_is_left_out(clinic: Equations) -> None:
    assert left(clinic) == {"first", "first_depot", "cells"}
    assert left(clinic, ()) == {"cells"}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"clone": 1.0}, {"clone"}),
        ({"clone": np.array([0.0, 0.0, 1.0])}, {"clone"}),  # one subject has it
        ({"k_clone": 0.01}, {"clone"}),  # it arises from what is there
        ({"k_clone": np.array([0.0, 1e-9])}, {"clone"}),
        ({"f_through_gut": 0.9}, {"second", "harm"}),  # a switch that is not quite closed
        ({"on_grades": 1.0}, {"harm"}),  # an event may put something there
        ({"second_depot": 1.0}, {"second_depot", "second", "harm"}),
    ],
)
def test_what_may_come_is_kept(clinic: Equations, changes: dict[str, object], found: set[str]) -> None:
    assert left(clinic, **changes) == {"first", "first_depot", "cells"} | found


def test_what_an_operation_may_change_is_kept(clinic: Equations) -> None:
    given = (Operation(3.0, "add", "second", 1.0, guard="cells > 1e9"),)
    assert {"second", "harm"} <= left(clinic, given)
    assert "clone" in left(clinic, (Operation(3.0, "set", "k_clone", 0.1),))
    assert "harm" in left(clinic, (Operation(3.0, "set", "on_grades", 1.0),))


@pytest.mark.parametrize("method", ["auto", "dop853", "tsit5", "rodas5p"])
@pytest.mark.parametrize("subjects", [1, 3, 20])
def test_no_bit_changes(clinic: Equations, method: str, subjects: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    parameters = {"k_grow": 0.4 * rng.lognormal(size=subjects), "EC50": 0.3 * rng.lognormal(size=subjects)}

    def solve(lean: bool):
        monkeypatch.setattr(ReadyModel, "is_at_hand", lambda self, subjects: lean)
        return Engine().solve(
            clinic, TIMES, subjects=subjects, outputs=OUTPUTS, parameters=parameters, schedule=FIRST, method=method
        )

    whole, lean = solve(False), solve(True)
    for name in ("values", "final", "events", "status", "steps", "end_times"):
        assert getattr(whole, name).tobytes() == getattr(lean, name).tobytes(), name


def test_code_of_its_own_is_compiled_once_it_is_worth_it(clinic: Equations, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ReadyModel(clinic, "auto").without_absent(check(clinic, TIMES, 1, OUTPUTS, {}, FIRST, (), None))
    monkeypatch.setattr(type(model.codes[0]), "is_at_hand", lambda self, width: False)
    assert not model.is_at_hand(5)
    model.seconds = ready.WORTH_COMPILING
    assert model.is_at_hand(5)


def test_a_mouse_has_nothing_of_what_only_patients_have(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model.default().equations
    request = check(model, TIMES, 1, ("blast_sensitive",), {"blast_sensitive": 1e5}, (), (), None)
    chosen = ReadyModel(model, "auto").without_absent(request)
    assert "chemotherapy" not in chosen.program.states
    assert not {name for name in chosen.program.states if name.startswith(("gilteritinib", "sorafenib", "cd8"))}
    assert len(chosen.program.states) < 0.6 * len(ReadyModel(model, "auto").program.states)

    def solve(lean: bool, method: str):
        monkeypatch.setattr(ReadyModel, "is_at_hand", lambda self, subjects: lean)
        start = {"blast_sensitive": 1e5 * np.arange(1.0, 5.0)}
        outputs = ("blast_sensitive", "IL15_serum", "cd8_effector")
        return Engine().solve(model, TIMES, subjects=4, outputs=outputs, parameters=start, method=method)

    for method in ("auto", "rodas5p"):
        whole, lean = solve(False, method), solve(True, method)
        assert whole.values.tobytes() == lean.values.tobytes()
        assert whole.final.tobytes() == lean.final.tobytes()
