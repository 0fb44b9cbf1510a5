"""The house model and its library: one drug, one cell, one mean, one death; small enough to have closed forms."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

HOUSE_ANTIMONY = """
model house()
  unit substance = item; unit extent = item;
  unit day = 86400 second; unit per_day = 1 / (86400 second); unit mg = 1e-3 gram; unit mg_per_L = 1e-3 gram / litre;
  unit per_day_per_mg_L = litre / (1e-3 gram * 86400 second);
  compartment body = 1; body has litre;
  substanceOnly species drug_depot in body, drug_central in body, cell_a in body, cell_b in body;
  drug_depot = 0; drug_central = 0; cell_a = 0; cell_b = 0;
  drug_depot has mg; drug_central has mg; cell_a has item; cell_b has item;
  drug_depot is "drug, depot"; drug_central is "drug, plasma"; cell_a is "cells A"; cell_b is "cells B";
  marker = 1; marker has dimensionless; marker is "marker of cells A";
  medium = 0; medium has mg_per_L; var medium; medium is "drug in medium";
  k_absorption_house has per_day; k_absorption_house = 24; const k_absorption_house;
  CL_house has per_day; CL_house = 2; const CL_house;
  V_house has litre; V_house = 0.02; const V_house;
  k_growth_house has per_day; k_growth_house = 0.1; const k_growth_house;
  k_kill_house has per_day_per_mg_L; k_kill_house = 0.05; const k_kill_house;
  k_marker_house has per_day; k_marker_house = 0.0; const k_marker_house;
  k_hazard_house has per_day; k_hazard_house = 0.0; const k_hazard_house;
  theta_death_house has dimensionless; theta_death_house = 1.0; const theta_death_house;
  body_mass has kilogram; body_mass = 0.02; const body_mass;
  drug_depot' = -k_absorption_house * drug_depot;
  drug_central' = k_absorption_house * drug_depot - CL_house * drug_central;
  C_house := drug_central / V_house + medium; C_house has mg_per_L; C_house is "drug concentration";
  growth_a: => cell_a; k_growth_house * cell_a;
  killing_a: cell_a => ; k_kill_house * C_house * cell_a;
  growth_b: => cell_b; k_growth_house * cell_b;
  marker' = -k_marker_house * marker;
  hazard = 0; hazard has dimensionless; hazard is "cumulative hazard"; hazard' = k_hazard_house;
  relative_mass := body_mass / one_kg; relative_mass has dimensionless; one_kg has kilogram; one_kg = 1; const one_kg;
  alive = 1; alive has dimensionless; var alive;
  time_of_death = -1; time_of_death has day; var time_of_death;
  death_house: at (alive > 0.5 && hazard >= theta_death_house): alive = 0, time_of_death = time;
end
"""

_COLUMNS = (
    "parameterId nominalValue lowerBound upperBound priorDistribution unit context evidence source locator "
    "derivation verification note"
)
HOUSE_PARAMETERS = (
    "\t".join(_COLUMNS.split())
    + """
k_absorption_house\t24\t1\t100\tlog-uniform\t1/day\t\tassumed\t\t\t\tassumed\tabsorbed within an hour
CL_house\t2\t0.1\t20\tlog-uniform\t1/day\t\tmeasured\thouse2020\tTable 1\t\tstated in source\t
CL_house\t1\t0.1\t20\tlog-uniform\t1/day\tspecies:bear\tassumed\t\t\t\tassumed\tbears are slow
CL_house\t3\t0.1\t20\tlog-uniform\t1/day\tspecies:bear;host:polar\tassumed\t\t\t\tassumed\tbut polar bears are not
V_house\t0.02\t0.001\t1\t\tL\t\tassumed\t\t\t\tassumed\tbody water
k_growth_house\t0.1\t0\t1\t\t1/day\t\tassumed\t\t\t\tassumed\tguess
k_kill_house\t0.05\t0\t10\t\tL/mg/day\t\tassumed\t\t\t\tassumed\tguess
k_marker_house\t0\t0\t10\t\t1/day\t\tassumed\t\t\t\tassumed\tguess
k_hazard_house\t0\t0\t10\t\t1/day\t\tassumed\t\t\t\tassumed\tguess
theta_death_house\t1\t0\t\t\tdimensionless\t\tassumed\t\t\t\tassumed\tdrawn per subject
body_mass\t0.02\t0.01\t0.04\t\tkg\t\tassumed\t\t\t\tassumed\ta mouse
f_oral_house\t0.5\t0\t1\t\tdimensionless\t\tassumed\t\t\t\tassumed\thalf is absorbed
f_engraftment_house\t0.1\t0\t1\t\tdimensionless\t\tassumed\t\t\t\tassumed\tone in ten
"""
)

HOUSE_RECORDS = {
    "agents/house_drug": """
name: house_drug
title: House drug
kind: drug
molar_mass: {value: 500, unit: g/mol, verification: assumed}
default_route: oral
routes:
  oral:
    operations: [{add: drug_depot, unit: mg, times: [f_oral_house]}]
  medium:
    operations: [{set: medium, unit: mg/L}]
""",
    "agents/house_cells": """
name: house_cells
title: House cells
kind: cells
routes:
  intravenous:
    operations:
      - {mix: marker, value: 3.0, unit: cell, times: [f_engraftment_house], pool: [cell_a]}
      - {add: cell_a, unit: cell, times: [f_engraftment_house]}
""",
    "agents/house_graft": """
name: house_graft
title: Cells of a primary recipient
kind: cells
routes:
  intravenous:
    harvest: {pool: [cell_a, cell_b], phenotype: [marker], phenotype_of: [cell_a]}
""",
    "agents/house_rays": """
name: house_rays
title: House rays
kind: irradiation
routes:
  external:
    unit: Gy
    operations: [{set: cell_b, to: 0}]
""",
    "donors/house_donor": "name: house_donor\ntitle: House donor\n",
    "hosts/house_bear": "name: house_bear\ntitle: House bear\ncontexts: ['species:bear']\n",
    "hosts/house_mouse": "name: house_mouse\ntitle: House mouse\n",
    "leukemias/house_leukemia": "name: house_leukemia\ntitle: House leukemia\n",
    "populations/house_mice": """
name: house_mice
title: House mice
variability:
  - {parameter: CL_house, distribution: log-normal, cv: 0.5}
  - {parameter: body_mass, distribution: normal, sd: 0.002}
fates:
  - {parameter: theta_death_house, distribution: exponential}
""",
    "systems/house_system": """
name: house_system
title: House donor into house mouse
donor: house_donor
host: house_mouse
leukemia: house_leukemia
population: house_mice
time_zero: day of transplantation
doses:
  cells: {agent: house_cells, amount: 1e4 cell, at: day 0, evidence: assumed, note: guess}
  drug: {agent: house_drug, amount: 10 mg/kg, at: day 1, every: 1 day, until: day 3, evidence: assumed, note: guess}
""",
}

HOUSE_CONDITIONS = """\
conditionId\ttargetId\ttargetValue\tsource\tverification\tnote
house_resistance\tk_kill_house\t0\t\tassumed\tno killing
house_slow\tCL_house\t0.5 * CL_house\t\tassumed\thalf the clearance
"""

HOUSE_BIBLIOGRAPHY = "@article{house2020, author = {House, Ann}, title = {A house}, year = {2020}}\n"


@functools.lru_cache(maxsize=1)
def house_sbml() -> str:
    """Translate the house model once a process."""
    import antimony
    import libsbml

    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(HOUSE_ANTIMONY) < 0:
        raise AssertionError(antimony.getLastError())
    document = libsbml.readSBMLFromString(antimony.getSBMLString("house"))
    model = document.getModel()
    model.setTimeUnits("day")
    for event in model.getListOfEvents():
        for part in (event.getTrigger(), *event.getListOfEventAssignments()):
            formula = part.getMath().deepCopy()
            _dimensionless(formula)
            part.setMath(formula)
    return str(libsbml.writeSBMLToString(document))


def _dimensionless(formula: Any) -> None:
    """Give every number a unit, as libSBML wants it."""
    if formula.isNumber():
        formula.setUnits("dimensionless")
    for number in range(formula.getNumChildren()):
        _dimensionless(formula.getChild(number))


def write_house_library(folder: Path) -> Path:
    """Write the house library into a folder, for GVLAB_LIBRARY."""
    for name, text in HOUSE_RECORDS.items():
        file = folder / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for name, text in (("parameters/house.tsv", HOUSE_PARAMETERS), ("conditions/house.tsv", HOUSE_CONDITIONS)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / "gvl.xml").write_text(house_sbml())
    (folder / "references.bib").write_text(HOUSE_BIBLIOGRAPHY)
    return folder
