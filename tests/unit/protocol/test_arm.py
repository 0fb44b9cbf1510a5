import pytest

from gvlab import library
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.library.records import ArmSpec
from gvlab.protocol import Arm, Dose, Protocol

GRAFT = {"agent": "house_graft", "amount": "1e3 cell", "at": "day 2"}

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


def test_an_arm_is_made_of_a_record_with_the_doses_of_its_system():
    doses = library.read("systems", "house_system").doses
    graft = {**GRAFT, "harvest": {"doses": ["cells"], "at": "day 5"}}
    spec = ArmSpec(name="A", doses=("cells", "drug", graft), condition="house_slow", n=3)
    arm = Arm.from_record(spec, doses)
    assert arm.protocol.agents == ("house_cells", "house_drug", "house_graft")
    assert arm.protocol.doses[1].times == (1, 2, 3)
    assert arm.protocol.doses[2].harvest.protocol.agents == ("house_cells",)
    assert (arm.n, arm.condition.names) == (3, ("house_slow",))


def test_a_dose_the_system_does_not_have_is_answered():
    doses = library.read("systems", "house_system").doses
    with pytest.raises(UnknownNameError, match=r'in arm "A", named "drugs"\. Did you mean "drug"'):
        Arm.from_record(ArmSpec(name="A", doses=("drugs",)), doses)
    graft = {**GRAFT, "harvest": {"doses": ["cels"], "at": "day 5"}}
    with pytest.raises(UnknownNameError, match=r'named "cels"\. Did you mean "cells"'):
        Arm.from_record(ArmSpec(name="A", doses=(graft,)), doses)
