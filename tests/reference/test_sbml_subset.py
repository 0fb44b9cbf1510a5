"""What SBML says, in small models with answers worked out by hand: events, rules, compartments, stoichiometry."""

from __future__ import annotations

import antimony
import numpy as np
import pytest

from gvlab.engine import Operation, Status
from gvlab.engine.ensemble import engine as ensemble
from gvlab.errors import ModelError
from gvlab.sbml.equations import Equations

TIMES = np.linspace(0.0, 10.0, 11)


def read(text: str) -> Equations:
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
    return Equations.from_sbml(antimony.getSBMLString(antimony.getMainModuleName()))


def values(text: str, *outputs: str, times=TIMES, **changes) -> np.ndarray:
    solution = ensemble.solve(read(f"model m\n{text}\nend"), times, subjects=1, outputs=outputs, **changes)
    assert solution.statuses() == [Status.FINISHED]
    return solution.values[0].T


def test_a_delayed_event_assigns_values_of_its_trigger_or_of_its_execution():
    clock = "x = 0; x' = 1; early = 0; late = 0;"
    early = "A: at 2 after (x > 3), fromTrigger=true: early = x;"
    late = "B: at 2 after (x > 3), fromTrigger=false: late = x;"
    x = values(clock + early + late, "early", "late")
    np.testing.assert_allclose(x[:, 4], 0)
    np.testing.assert_allclose(x[:, 6], [3, 5], atol=1e-9)


def test_an_event_that_does_not_persist_is_called_off():
    pulse = "x = 0; x' = 1; stay = 0; gone = 0;"
    stay = "A: at 2 after (x > 3 && x < 4), persistent=true: stay = 1;"
    gone = "B: at 2 after (x > 3 && x < 4), persistent=false: gone = 1;"
    assert values(pulse + stay + gone, "stay", "gone")[:, -1].tolist() == [1, 0]


def test_values_at_the_trigger_are_not_changed_by_what_comes_first():
    text = "y = 1; A: at (time >= 2), priority = 1, fromTrigger=true: y = y*10; "
    text += "B: at (time >= 2), priority = 5, fromTrigger=true: y = y + 1;"
    assert values(text, "y")[0, -1] == 10


def test_simultaneous_events_follow_their_priority():
    text = "y = 1; A: at (time >= 2), priority = 1, fromTrigger=false: y = y*10; "
    text += "B: at (time >= 2), priority = 5, fromTrigger=false: y = y + 1;"
    assert values(text, "y")[0, -1] == 20


def test_a_priority_is_looked_at_when_its_turn_comes():
    text = (
        "y = 0; p = 0; A: at (time >= 2), priority = 3, fromTrigger=false: p = 9, y = y*2 + 1; "
        "B: at (time >= 2), priority = 1, fromTrigger=false: y = y*2 + 0; "
        "C: at (time >= 2), priority = p, fromTrigger=false: y = y*2 + 1;"
    )
    # A comes first and lifts C above B: digits 1, 1, 0.
    assert values(text, "y")[0, -1] == 6


def test_what_happens_at_the_start_depends_on_the_value_before_it():
    text = "a = 0; b = 0; A: at (time >= 0), t0=false: a = 1; B: at (time >= 0), t0=true: b = 1;"
    assert values(text, "a", "b")[:, 0].tolist() == [1, 0]


def test_events_set_off_others_at_the_same_time():
    text = "x = 0; y = 0; z = 0; A: at (time >= 1): x = 1; B: at (x > 0): y = 1; C: at (y > 0): z = time;"
    assert values(text, "z")[0, -1] == 1


def test_an_event_may_happen_again_while_it_waits():
    text = "s = 0; n = 0; s' = 1; A: at 3 after (s > 1), fromTrigger=false: n = n + 1; B: at (s > 2): s = 0;"
    # s passes 1 at days 1, 3, 5, 7, ...; each is carried out three days later.
    n = values(text, "n", times=np.array([0, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5]))[0]
    assert n.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4]


def test_a_concentration_follows_the_size_of_its_compartment():
    text = "compartment c = 1; species S in c = 4; c' = 1;"
    np.testing.assert_allclose(values(text, "S")[0], 4 / (1 + TIMES), rtol=1e-6)


def test_an_event_that_resizes_a_compartment_keeps_amounts():
    text = "compartment c = 2; species S in c = 3; E: at (time >= 1.5): c = 6;"
    np.testing.assert_allclose(values(text, "S")[0, [1, 2]], [3, 1])


def test_a_reaction_changes_amounts_and_a_formula_reads_concentrations():
    text = "compartment c = 5; species S in c = 2; S -> ; 3*S; "
    np.testing.assert_allclose(values(text, "S", times=np.array([0, 1.0]))[0, 1], 2 * np.exp(-3 / 5), rtol=1e-6)


def test_species_at_the_border_are_not_changed_by_reactions():
    text = "species $S = 2; species T = 0; S -> T; S;"
    np.testing.assert_allclose(values(text, "S", "T")[:, -1], [2, 20], rtol=1e-8)


def test_initial_assignments_may_depend_on_rules():
    text = "k = 2; q := 3*k; x = q + 1; x' = 0;"
    assert values(text, "x")[0, 0] == 7


def test_the_rate_of_a_symbol_can_be_used():
    text = "x = 1; x' = -0.5*x; y := rateOf(x);"
    np.testing.assert_allclose(values(text, "y")[0], -0.5 * np.exp(-0.5 * TIMES), rtol=1e-5, atol=1e-8)


def test_functions_are_written_out():
    text = "x = 1; x' = -hill(x, 0.5); "
    function = "function hill(a, K)\n a/(K + a)\nend\n"
    solution = ensemble.solve(read(f"{function}model m\n{text}\nend"), np.array([0, 1.0]), subjects=1, outputs=["x"])
    # x + K ln x = 1 - t
    x = solution.values[0, 1, 0]
    assert x + 0.5 * np.log(x) == pytest.approx(0.0, abs=1e-6)


def test_a_dose_sets_off_an_event_at_once():
    text = "S = 0; n = 0; S' = -S; A: at (S > 5): n = time;"
    n = values(text, "n", schedule=[Operation(2.25, "add", "S", 6.0)])
    assert n[0, -1] == 2.25


ALGEBRAIC = """<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">
<listOfParameters><parameter id="x" constant="false"/></listOfParameters>
<listOfRules><algebraicRule><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>x</ci></math></algebraicRule>
</listOfRules></model></sbml>"""

DELAY = """<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">
<listOfParameters><parameter id="x" value="1" constant="false"/></listOfParameters>
<listOfRules><rateRule variable="x"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply>
<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/delay">delay</csymbol><ci>x</ci><cn>1</cn>
</apply></math></rateRule></listOfRules></model></sbml>"""

FAST = """<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="m">
<listOfReactions><reaction id="quick" reversible="false" fast="true"/></listOfReactions></model></sbml>"""

PACKAGE = """<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"
xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1" comp:required="true"><model id="m"/></sbml>"""


@pytest.mark.parametrize(
    ("text", "words"),
    [(ALGEBRAIC, "algebraic rule"), (DELAY, "delay equation"), (FAST, '"quick" is fast'), (PACKAGE, 'package "comp"')],
)
def test_what_is_not_supported_is_refused_by_name(text, words):
    with pytest.raises(ModelError, match=words):
        ensemble.solve(Equations.from_sbml(text), TIMES, subjects=1, outputs=[])
