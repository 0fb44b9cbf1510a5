import pytest

from gvlab.errors import InvalidValueError
from gvlab.protocol import Dose, Protocol

pytestmark = pytest.mark.usefixtures("house_library")


@pytest.fixture
def cells():
    return Dose("house_cells", "1e4 cell", at="day 2")


@pytest.fixture
def drug():
    return Dose("house_drug", "10 mg/kg", at="day 4", every="1 day", until="day 14")


def test_doses_and_protocols_add(cells, drug):
    both = cells + drug
    assert both.doses == (cells, drug)
    assert (both + cells).doses == (cells, drug, cells)
    assert (cells + (drug + cells)).doses == (cells, drug, cells)
    assert sum([cells, drug], Protocol()) == both
    assert sum([Protocol((cells,)), Protocol((drug,))]) == both


def test_what_is_not_a_dose_does_not_add(cells):
    with pytest.raises(TypeError):
        Protocol((cells,)) + "drug"
    with pytest.raises(InvalidValueError, match="made of doses"):
        Protocol(("drug",))


def test_start_end_and_agents(cells, drug):
    protocol = drug + cells
    assert (protocol.start, protocol.end) == (2, 14)
    assert protocol.agents == ("house_drug", "house_cells")
    assert protocol.without("house_drug").doses == (cells,)
    assert (Protocol().start, Protocol().end) == (0, 0)


def test_a_protocol_says_itself_in_words_in_the_order_of_time(cells, drug):
    assert (drug + cells).in_words() == (
        "On day 2: House cells, 1e4 cell (intravenous). "
        "From day 4 to day 14, every day: House drug, 10 mg/kg (oral, 11 doses)."
    )
    assert Protocol().in_words() == "Nothing is given."
