"""One house model for the numerical tests: two species, one dose, one event; written by hand, solvable by hand."""

from __future__ import annotations

import antimony
import pytest

from gvlab.sbml.equations import Equations

HOUSE = """
model house
    // a drug leaves its depot and is cleared; cells grow until the drug is low enough
    compartment plasma = 2
    substanceOnly species depot in plasma = 0
    species drug in plasma = 0
    species cells in plasma = 1
    boundary_on = 1
    ka = 1.5
    CL = 0.8
    k_growth = 0.3
    total := drug*plasma + depot
    twice = 2*k_growth
    absorption: depot -> drug; ka*depot
    clearance: drug -> ; CL*drug
    growth: -> cells; k_growth*cells*plasma
    var seen = 0
    var t_death = -1
    large: at (cells > 4): seen = seen + 1
    death: at (cells > 8): t_death = time
end
"""


def equations(text: str) -> Equations:
    """Translate Antimony and read the SBML."""
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text) < 0:
        raise ValueError(antimony.getLastError())
    return Equations.from_sbml(antimony.getSBMLString(antimony.getMainModuleName()))


@pytest.fixture(scope="session")
def house() -> Equations:
    return equations(HOUSE)
