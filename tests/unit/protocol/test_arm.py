import pytest

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.protocol import Arm, Dose, Protocol

pytestmark = pytest.mark.usefixtures("house_library")


def test_an_arm_takes_a_dose_a_protocol_or_nothing():
    dose = Dose("house_drug", "1 mg", at="day 0")
    assert Arm("A", dose).protocol == Protocol((dose,))
    assert Arm("A", dose + dose).protocol.doses == (dose, dose)
    assert Arm("A", [dose]).protocol.doses == (dose,)
    assert Arm("A").protocol == Protocol()
    assert Arm("A").n == 10


def test_an_arm_under_a_condition_is_another_arm():
    arm = Arm("A", n=7)
    changed = arm.under("house_slow").under("house_resistance")
    assert changed.condition.names == ("house_slow", "house_resistance")
    assert (changed.n, changed.name) == (7, "A")
    assert not arm.condition
    assert Arm("A", condition=["house_slow"]) == Arm("A").under("house_slow")


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "10"])
def test_the_number_of_subjects_is_a_whole_number_above_zero(n):
    with pytest.raises(InvalidValueError, match="a whole number above zero"):
        Arm("A", n=n)


def test_an_arm_has_a_name():
    with pytest.raises(InvalidValueError, match="An arm needs a name"):
        Arm(" ")


def test_an_unknown_condition_is_answered():
    with pytest.raises(UnknownNameError, match='Did you mean "house_slow"'):
        Arm("A", condition="house_slw")


def test_a_field_an_arm_does_not_have_is_refused():
    with pytest.raises(InvalidValueError, match='An arm has no "size"'):
        Arm("A").replace(size=3)
