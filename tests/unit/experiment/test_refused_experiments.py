"""What would give a silent number is refused in words."""

import pytest

from gvlab import Arm, Dose, Experiment, Harvest, Library
from gvlab.errors import ProtocolError


def experiment(dose, system="b6_into_balbc_wehi3b"):
    return Experiment("x", system=system, arms=[Arm("a", dose, n=1)], until="day 30")


def test_cells_of_one_leukemia_are_not_given_in_the_system_of_another():
    other = Dose("baf3_flt3itd", "5e3 cell", at="day 0")
    with pytest.raises(ProtocolError) as caught:
        experiment(other)
    assert 'Arm "a" gives "baf3_flt3itd" in the system "b6_into_balbc_wehi3b"' in str(caught.value)
    assert "b6_into_balbc_baf3" in str(caught.value)
    assert experiment(other, "b6_into_balbc_baf3").arms


def test_a_primary_recipient_has_the_leukemia_of_the_system_too():
    primary = Harvest(Dose("baf3_flt3itd", "5e3 cell", at="day 0"), at="day 14")
    with pytest.raises(ProtocolError, match=r'gives "baf3_flt3itd"'):
        experiment(Dose("secondary_t_cells", "1e6 cell", at="day 0", harvest=primary))


def test_every_leukemia_is_given_by_an_agent_of_its_name():
    library = Library()
    assert set(library.names("leukemias")) <= set(library.names("agents"))


@pytest.mark.parametrize(
    ("agent", "amount"),
    [
        ("sorafenib", "0 mg/kg"),
        ("b6_t_cells", "0 cell"),
        ("total_body_irradiation", "0 Gy"),
        ("b6_bone_marrow", "0 cell"),
    ],
)
def test_nothing_of_an_agent_whose_amount_counts_is_a_dose(agent, amount):
    assert Dose(agent, amount, at="day 0").quantity.value == 0
