"""A dosing table does what it says, or says why not."""

import numpy as np
import pandas as pd
import pytest

from gvlab.errors import ProtocolError, UnitError
from gvlab.protocol import Dose, Harvest, Protocol
from gvlab.protocol.dosing_table import LEAST_PORTIONS, TABLE_COLUMNS

pytestmark = pytest.mark.usefixtures("house_library")


@pytest.fixture
def cells():
    return Dose("house_cells", "1e4 cell", at="day 2")


@pytest.fixture
def drug():
    return Dose("house_drug", "10 mg/kg", at="day 4", every="1 day", until="day 14")


def rows(**columns):
    plain = {"TIME": [1.5], "AMT": [3.0], "AGENT": ["house_drug"], "UNIT": ["mg"]}
    return pd.DataFrame({**plain, **columns})


def test_the_table_has_nonmems_columns(cells, drug):
    table = (drug + cells + Dose("house_drug", "2 mg", at="day 20")).table(subject=3)
    assert tuple(table.columns) == TABLE_COLUMNS
    assert table.ID.tolist() == [3, 3, 3]
    assert table.TIME.tolist() == [2, 4, 20]
    assert table.AMT.tolist() == [1e4, 10, 2]
    assert table.ADDL.tolist() == [0, 10, 0]
    assert table.II.tolist() == [0, 1, 0]
    assert table.UNIT.tolist() == ["cell", "mg/kg", "mg"]


def test_a_compartment_is_named_only_where_the_bare_number_may_enter_it(cells, drug):
    table = (drug + cells + Dose("house_drug", "2 mg", at="day 20")).table()
    assert table.CMT.tolist() == ["marker", "", "drug_depot"]


def test_a_table_reads_back_as_the_same_doses(cells, drug):
    protocol = cells + drug + Dose("house_drug", "10 nM", at="day 20", route="medium")
    again = Protocol.from_table(protocol.table())
    assert [dose.times for dose in again] == [dose.times for dose in protocol]
    assert [dose.quantity.value for dose in again] == [dose.quantity.value for dose in protocol]
    assert [dose.quantity.unit for dose in again] == [dose.quantity.unit for dose in protocol]
    assert again.table().equals(protocol.table())


def test_the_least_table_is_time_amount_agent_and_unit():
    assert Protocol.from_table(rows()).doses[0].times == (1.5,)


def test_names_of_columns_may_be_in_lower_case():
    table = rows(ADDL=[2], II=[1.0])
    assert Protocol.from_table(table.rename(columns=str.lower)) == Protocol.from_table(table)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("SS", 1, "has SS = 1; a steady state is not computed. Leave SS out"),
        ("EVID", 2, "has EVID = 2, which changes something without a dose. Remove the row"),
        ("EVID", 3, "has EVID = 3, which sets a subject back, and nothing can. Remove the row"),
        ("EVID", 5, "has EVID = 5; only 0"),
        ("II", 0, "repeats 10 times without an interval"),
        ("ADDL", 1.5, "has ADDL = 1.5; it is a whole number"),
        ("ADDL", -1, "has ADDL = -1; it counts further doses"),
        ("RATE", -2, "has a RATE or DUR below zero"),
        ("CMT", "marker", 'has CMT = "marker", and "house_drug" by route oral enters "drug_depot"'),
        ("CMT", 2, 'has CMT = "2", and "house_drug" by route oral enters "drug_depot"'),
        ("CMT", "drug_depot", 'puts mg/kg into "drug_depot", a state in mg'),
        ("TIME", None, "has no TIME"),
        ("AMT", "ten", "has AMT = ten, which is no number"),
        ("AGENT", "", "has no AGENT"),
        ("DURATION", 1, 'no column named "DURATION"'),
    ],
)
def test_a_row_that_asks_for_what_a_dose_cannot_do_is_refused(drug, column, value, words):
    table = Protocol((drug,)).table()
    table[column] = value
    with pytest.raises(ProtocolError) as caught:
        Protocol.from_table(table)
    assert words in str(caught.value)


def test_an_amount_in_the_unit_of_the_state_may_name_it():
    named = Protocol.from_table(rows(CMT=["drug_depot"]))
    assert named == Protocol.from_table(rows())
    assert Protocol.from_table(rows(UNIT=["ug"], CMT=["drug_depot"])).doses[0].quantity.unit == "ug"


def test_observations_are_passed_over():
    table = pd.DataFrame(
        {
            "ID": [1, 1, 1],
            "TIME": [0, 1, 2],
            "AMT": [5, 0, None],
            "EVID": [4, 0, 0],
            "DV": [None, 3.2, "."],
            "MDV": [1, 0, 0],
            "AGENT": ["house_drug", None, None],
            "UNIT": ["mg", None, "."],
        }
    )
    expected = Protocol((Dose("house_drug", "5.0 mg", at="day 0.0"),))
    assert Protocol.from_table(table) == expected
    assert Protocol.from_table(table.drop(columns="EVID").head(2)) == expected
    table["EVID"] = [1, 4, 0]
    table.loc[1, ["AMT", "AGENT", "UNIT"]] = [5, "house_drug", "mg"]
    with pytest.raises(ProtocolError, match=r"Row 2 .* EVID = 4 after other doses"):
        Protocol.from_table(table)


@pytest.mark.parametrize("column", [{"RATE": [12.0]}, {"DUR": [0.25]}, {"RATE": [12.0], "DUR": [0.25]}])
def test_an_infusion_is_given_in_equal_portions(column):
    (dose,) = Protocol.from_table(rows(TIME=[2.0], **column))
    assert len(dose.times) == LEAST_PORTIONS
    assert dose.quantity.value * len(dose.times) == pytest.approx(3.0)
    assert sum(dose.times) / len(dose.times) == pytest.approx(2.125)
    assert dose.times[0] > 2.0
    assert dose.times[-1] < 2.25


def in_the_body(rate: float, given: float, lasts: float, times):
    """Amount of one compartment that is infused into at a constant rate and left at another (Gibaldi and Perrier)."""
    into = given / lasts / rate
    return into * (np.exp(-rate * np.maximum(times - lasts, 0)) - np.exp(-rate * times))


@pytest.mark.parametrize("rate", [0.1, 1.0, 8.0, 44.0])
@pytest.mark.parametrize("lasts", [1 / 24, 0.25, 1.0])
def test_portions_of_an_infusion_are_the_infusion_to_a_thousandth(rate, lasts):
    (dose,) = Protocol.from_table(rows(TIME=[0.0], AMT=[1000.0], DUR=[lasts]))
    times = np.linspace(0, 2 * lasts, 777)
    each = dose.quantity.value
    found = sum(each * np.exp(-rate * (times - at)) * (times >= at) for at in dose.times)
    exact = in_the_body(rate, 1000.0, lasts, times)
    np.testing.assert_allclose(found, exact, atol=1000.0 / 1000, rtol=0)
    after = times > lasts
    np.testing.assert_allclose(found[after], exact[after], rtol=1e-3)


def test_an_infusion_is_repeated_and_must_not_contradict_itself():
    protocol = Protocol.from_table(rows(TIME=[0.0], RATE=[12.0], ADDL=[2], II=[1.0]))
    assert [dose.times[0] for dose in protocol] == pytest.approx(
        [day + 0.25 / (2 * LEAST_PORTIONS) for day in range(3)]
    )
    for columns, words in (
        ({"RATE": [12.0], "DUR": [0.5]}, "has DUR = 0.5, and AMT / RATE is 0.25 days"),
        ({"DUR": [2.0], "ADDL": [1], "II": [1.0]}, "begins an infusion every 1 days that lasts 2 days"),
        ({"DUR": [365.0]}, "gives 365 days of infusion in 1 parts, as 105,120 portions; at most 20,000 are given"),
    ):
        with pytest.raises(ProtocolError, match=words):
            Protocol.from_table(rows(**columns))


def test_several_subjects_are_read_by_their_number(drug, cells):
    table = pd.concat([Protocol((drug,)).table("a"), Protocol((cells,)).table("b")])
    found = Protocol.by_subject(table)
    assert {subject: protocol.agents for subject, protocol in found.items()} == {
        "a": ("house_drug",),
        "b": ("house_cells",),
    }
    with pytest.raises(ProtocolError, match=r"several subjects. Read them with Protocol.by_subject"):
        Protocol.from_table(table)


def test_a_table_without_agents_or_with_a_column_twice_is_refused(drug):
    one = Protocol((drug,)).table()
    with pytest.raises(ProtocolError, match="lacks AGENT"):
        Protocol.from_table(one.drop(columns="AGENT"))
    with pytest.raises(ProtocolError, match="the column TIME twice"):
        Protocol.from_table(one.assign(time=1.0))


def test_a_route_that_is_not_said_follows_from_the_compartment():
    (dose,) = Protocol.from_table(rows(UNIT=["mg"], CMT=["drug_depot"]))
    assert dose.agent_definition.route_name(dose.route) == "oral"
    with pytest.raises(UnitError):
        Protocol.from_table(rows(UNIT=["mg/L"]))


def test_a_table_cannot_say_where_harvested_cells_come_from(cells):
    graft = Dose("house_graft", "1e3 cell", at="day 2", harvest=Harvest(cells, at="day 14"))
    with pytest.raises(ProtocolError, match='where the cells of "house_graft" come from'):
        Protocol((graft,)).table()


def test_an_amount_or_an_interval_without_effect_is_refused():
    with pytest.raises(ProtocolError, match="EVID = 0, an observation, and AMT = 3, which would not be given"):
        Protocol.from_table(rows(EVID=[0]))
    assert not Protocol.from_table(rows(EVID=[0], AMT=[0.0])).doses
    with pytest.raises(ProtocolError, match="II = 1 and no ADDL, so nothing is given again"):
        Protocol.from_table(rows(II=[1.0]))
    assert Protocol.from_table(rows(II=[1.0], ADDL=[1])).doses[0].times == (1.5, 2.5)
