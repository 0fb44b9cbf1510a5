import numpy as np
import pytest

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.protocol import Change, Condition

pytestmark = pytest.mark.usefixtures("house_library")


def test_a_condition_sets_values_and_multiplies_them():
    both = Condition.of(["house_resistance", "house_slow"])
    changed = both.apply({"CL_house": np.array([1.0, 2.0])}, {"k_kill_house": 5.0})
    assert changed["CL_house"].tolist() == [0.5, 1.0]
    assert changed["k_kill_house"] == 0
    assert str(both) == "house_resistance, house_slow"


def test_applying_changes_nothing_of_what_was_given():
    values = {"CL_house": np.array([1.0])}
    Condition.read("house_slow").apply(values, {})
    assert values["CL_house"].tolist() == [1.0]


def test_no_condition_is_the_model_as_it_is():
    assert not Condition.of(None)
    assert Condition().apply({"a": 1.0}, {}) == {"a": 1.0}
    assert str(Condition()) == "unchanged"


def test_a_condition_holds_once_however_often_it_is_named():
    slow = Condition.read("house_slow")
    assert (slow + slow).apply({"CL_house": 1.0}, {})["CL_house"] == 0.5


def test_an_unknown_condition_is_answered():
    with pytest.raises(UnknownNameError, match='Did you mean "house_slow"'):
        Condition.of("house_slo")


def test_an_unknown_target_is_answered():
    with pytest.raises(UnknownNameError, match='Did you mean "CL_house"'):
        Condition(("x",), (Change("CL_hous", 1.0),)).apply({"CL_house": 1.0}, {})


def test_conditions_that_contradict_each_other_are_refused():
    one = Condition(("one",), (Change("a", 0.0),))
    other = Condition(("other",), (Change("a", 1.0),))
    with pytest.raises(InvalidValueError, match='The conditions one, other both change "a"'):
        one + other


def test_a_change_is_a_finite_number():
    with pytest.raises(InvalidValueError, match='changes "a" to nan; it must be a finite number'):
        Change("a", float("nan"))


def test_what_is_made_by_hand_is_known_also_when_put_together():
    by_hand = Condition(("mine",), (Change("CL_house", 2.0),))
    assert by_hand.made_by_hand == by_hand.changes
    assert Condition.read("house_resistance").made_by_hand == ()
    assert (Condition.read("house_resistance") + by_hand).made_by_hand == by_hand.changes
