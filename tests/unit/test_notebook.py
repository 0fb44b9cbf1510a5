"""What a notebook shows: at most three lines as text, and HTML in which everything is escaped."""

from html.parser import HTMLParser

import numpy as np
import pytest

from gvlab import notebook
from gvlab.protocol import Arm, Dose, Harvest, Protocol
from gvlab.simulation import simulate
from gvlab.subject import System


class Reader(HTMLParser):
    """Reads the text and checks that every element that is opened is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def shown(thing):
    assert len(repr(thing).splitlines()) <= 3
    assert len(repr(thing)) < 400
    return " ".join(read(thing._repr_html_()).text)


EVIL = "<script>alert('x')</script> & \"co\""


def test_everything_is_escaped():
    page = notebook.card(EVIL, EVIL, notebook.line(EVIL), notebook.table((EVIL, "n"), [(EVIL, 1.0)]))
    found = read(page)
    assert "script" not in found.tags
    assert found.text.count(EVIL) == 5


def test_an_arm_with_a_name_from_outside_is_escaped(house_library):
    arm = Arm(EVIL, Dose("house_drug", "10 mg/kg", at="day 1"), n=8)
    assert "script" not in read(arm._repr_html_()).tags
    assert EVIL in shown(arm)


def test_of_many_rows_the_first_are_shown_and_the_others_counted():
    text = " ".join(read(notebook.table(("a", "b"), [(str(k), k) for k in range(1500)], shown=10)).text)
    assert " 9 " in text
    assert " 10 " not in text
    assert "and 1,490 more" in text


def test_what_is_missing_is_a_dash_and_numbers_have_four_figures():
    assert read(notebook.table(("a",), [(None,), (0.0123456,), (12345,)])).text[1:] == ["–", "0.01235", "12,345"]


def test_a_long_text_is_cut():
    assert notebook.shortened("a\n b") == "a b"
    assert notebook.shortened("x" * 200, 50) == "x" * 47 + "..."


@pytest.fixture
def system(house_library):
    return System.read("house_system")


def test_a_cohort_says_how_many_and_what_differs(system):
    cohort = system.cohort(2000, seed=7)
    assert repr(cohort) == (
        "Cohort(2,000 subjects of house_mice, seed 7; 3 columns: CL_house, body_mass, theta_death_house)"
    )
    text = shown(cohort)
    assert "Cohort of 2,000" in text
    assert "CL_house" in text
    assert f"{np.median(cohort.columns['body_mass']):.4g}" in text


def test_a_system_a_table_and_a_protocol_say_what_they_are(system):
    assert repr(system) == "System('house_system': House donor into house mouse)"
    assert "10 mg/kg" in shown(system)
    table = system.parameters()
    assert repr(table).startswith("ParameterTable(11 rows, no context; sha256 ")
    assert "k_kill_house" in shown(table)
    cells = Dose("house_cells", "1e4 cell", at="day 0")
    protocol = cells + Dose("house_graft", "100 cell", at="day 1", harvest=Harvest(cells, at="day 5"))
    assert repr(protocol) == "Protocol(house_cells 1e4 cell at day 0; house_graft 100 cell at day 1)"
    assert "primary recipients, day 5" in shown(protocol)
    assert repr(Protocol()) == "Protocol(nothing is given)"
    assert "Nothing is given." in shown(Protocol())
    assert repr(Arm("slow", cells, n=4, condition="house_slow")) == (
        "Arm('slow', n = 4, house_slow: Protocol(house_cells 1e4 cell at day 0))"
    )


def test_trajectories_say_how_subjects_ended(system, house_model):
    cohort = system.cohort(40, seed=7).replace({"k_hazard_house": 0.3})
    run = simulate(house_model, cohort, Dose("house_cells", "1e4 cell", at="day 0"), until="day 5", outputs=["cell_a"])
    text = shown(run)
    dead = int(np.isfinite(run.first("death_house")).sum())
    assert 0 < dead < 40
    assert f"{dead} ended by a model event (death)" in text
    assert f"{40 - dead} reached the end" in text
    assert "cells A" in text
