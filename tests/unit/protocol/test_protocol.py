import pandas as pd
import pytest

from gvlab.errors import InvalidValueError, ProtocolError
from gvlab.protocol import Dose, Harvest, Protocol
from gvlab.protocol.protocol import TABLE_COLUMNS

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


def test_the_table_has_nonmems_columns(cells, drug):
    table = (drug + cells).table(subject=3)
    assert tuple(table.columns) == TABLE_COLUMNS
    assert table.ID.tolist() == [3, 3]
    assert table.TIME.tolist() == [2, 4]
    assert table.AMT.tolist() == [1e4, 10]
    assert table.ADDL.tolist() == [0, 10]
    assert table.II.tolist() == [0, 1]
    assert table.CMT.tolist() == ["marker", "drug_depot"]
    assert table.UNIT.tolist() == ["cell", "mg/kg"]


def test_a_table_reads_back_as_the_same_doses(cells, drug):
    protocol = cells + drug + Dose("house_drug", "10 nM", at="day 20", route="medium")
    again = Protocol.from_table(protocol.table())
    assert [dose.times for dose in again] == [dose.times for dose in protocol]
    assert [dose.quantity.value for dose in again] == [dose.quantity.value for dose in protocol]
    assert [dose.quantity.unit for dose in again] == [dose.quantity.unit for dose in protocol]
    assert again.table().equals(protocol.table())


def test_the_least_table_is_time_amount_agent_and_unit():
    table = pd.DataFrame({"TIME": [1.5], "AMT": [3], "AGENT": ["house_drug"], "UNIT": ["mg"]})
    assert Protocol.from_table(table).doses[0].times == (1.5,)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("RATE", 5, "has RATE = 5; only 0"),
        ("SS", 1, "has SS = 1; only 0"),
        ("EVID", 0, "has EVID = 0; only 1"),
        ("II", 0, "repeats 10 times without an interval"),
        ("DURATION", 1, 'a column "DURATION". Known: ID, TIME'),
    ],
)
def test_a_table_that_asks_for_what_a_dose_cannot_do_is_refused(drug, column, value, words):
    table = Protocol((drug,)).table()
    table[column] = value
    with pytest.raises(ProtocolError) as caught:
        Protocol.from_table(table)
    assert words in str(caught.value)


def test_a_table_of_several_subjects_or_without_agents_is_refused(drug):
    one = Protocol((drug,))
    with pytest.raises(ProtocolError, match="several subjects"):
        Protocol.from_table(pd.concat([one.table(1), one.table(2)]))
    with pytest.raises(ProtocolError, match="lacks AGENT"):
        Protocol.from_table(one.table().drop(columns="AGENT"))


def test_a_table_cannot_say_where_harvested_cells_come_from(cells):
    graft = Dose("house_graft", "1e3 cell", at="day 2", harvest=Harvest(cells, at="day 14"))
    with pytest.raises(ProtocolError, match='where the cells of "house_graft" come from'):
        Protocol((graft,)).table()
