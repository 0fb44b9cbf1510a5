"""What is exported for other programs gives our curves and fates in them: libRoadRunner and COPASI, each on its own.

Here a document is compared as a user gets it. Many subjects, and arms that one document cannot hold, are compared with
both programs in test_ensemble_equals_others.py.
"""

from __future__ import annotations

import antimony
import libsbml
import numpy as np
import pytest
import roadrunner

from gvlab.engine import Operation, Options
from gvlab.engine.ensemble import engine as ensemble
from gvlab.errors import ModelError
from gvlab.model.model import Model
from gvlab.protocol import Condition, Dose, Protocol
from gvlab.sbml.equations import Equations
from gvlab.simulation import SimulationTask, run_tasks
from gvlab.simulation.export import typical_subject, with_doses
from gvlab.subject import System
from reference.engines.scenarios import EVENT_TIME, FATES, FLAGS, Scenario, difference, scenarios

copasi = pytest.importorskip("reference.engines.copasi")

TIGHT = Options(relative_tolerance=1e-10, absolute_tolerance=1e-14)
ALL = scenarios()
EXPORTED = [each for each in ALL if not each.harvested]
FEW = list({each.experiment: each for each in EXPORTED}.values())
"""The last arm of each experiment: the one in which most is different."""


SEEN_IN_A_STATE = {"complete_remission", "partial_remission", "relapse", "acute_gvhd_2", "acute_gvhd_3"}
"""Fates of patients of which the document writes no time; the state they change is compared instead."""


def run_in_roadrunner(sbml, times, names, options):
    runner = roadrunner.RoadRunner(sbml)
    runner.integrator.setValue("relative_tolerance", options.relative_tolerance)
    # One tolerance for all is taken anew after each event, relative to what a state is then: rounding in the place of
    # zero would have to be solved to ten digits.
    for name in (*runner.model.getRateRuleSymbols(), *runner.model.getFloatingSpeciesIds()):
        runner.integrator.setIndividualTolerance(name, options.absolute_tolerance)
    runner.integrator.setValue("maximum_num_steps", 10**6)
    runner.timeCourseSelections = list(names)
    curves = np.asarray(runner.simulate(times=times.tolist())).T
    parameters = runner.model.getGlobalParameterIds()
    return dict(zip(names, curves, strict=True)), {name: runner[name] for name in parameters}


def run_in_copasi(sbml, times, names, options):
    return copasi.run(sbml, times, options)


def written_times(sbml: str) -> dict[str, str]:
    """Give, by event, the parameter into which the document itself writes when it happened."""
    document = libsbml.readSBMLFromString(sbml)
    return {
        event.getId(): assignment.getVariable()
        for event in document.getModel().getListOfEvents()
        for assignment in event.getListOfEventAssignments()
        if libsbml.formulaToL3String(assignment.getMath()) in ("time", "time - 10 day")
    }


def assert_same_fates(last: dict[str, float], ours, sbml: str) -> None:
    """Hold what a document has written down at its end against our events."""
    written = written_times(sbml)
    assert FATES - set(written) == SEEN_IN_A_STATE
    deaths = set(Model.default().deaths)
    happened = {ours.event_ids[row["event"]]: row["time"] for row in ours.events}
    death = min((time for event, time in happened.items() if event in deaths), default=np.inf)
    nominal = Model.default().equations.nominal
    for event, variable in written.items():
        if event in happened:
            assert last[variable] == pytest.approx(happened[event], abs=EVENT_TIME, rel=0), event
        elif event not in deaths:
            # A document knows no end of follow-up: in other programs the dead may be cured.
            assert last[variable] == nominal[variable] or last[variable] > death, event
    if death == np.inf:
        assert {last[written[event]] for event in deaths} == {nominal[written[event]] for event in deaths}


def assert_exported_gives_our_curves(scenario: Scenario, record) -> None:
    experiment = scenario.read()
    arm, typical = experiment.arm(scenario.arm), experiment.system.typical()
    ours = scenario.run(typical, "ensemble")
    sbml = typical_subject(Model.default(), typical, arm.protocol, arm.condition)
    deaths = set(Model.default().deaths)
    death = min((row["time"] for row in ours.events if ours.event_ids[row["event"]] in deaths), default=np.inf)
    near = np.abs(ours.times[:, None] - ours.events["time"]).min(axis=1, initial=np.inf) < FLAGS
    before = (ours.times < death - FLAGS) & ~near
    assert before.sum() > 2
    # COPASI does not tell what never changes.
    names = [name for name in ours.outputs if name not in Model.default().constants]
    for run in (run_in_roadrunner, run_in_copasi):
        curves, last = run(sbml, np.union1d(0.0, ours.times - min(arm.protocol.start, 0.0)), names, TIGHT)
        for name in names:
            found, where = difference(curves[name][-ours.times.size :][before], ours.values(name)[0, before])
            record(f"{run.__name__}, {name}", float(found))
            assert found <= 1, f"{run.__name__}, {name}, reading {where}"
        assert_same_fates(last, ours, sbml)


@pytest.mark.parametrize("scenario", FEW, ids=str)
def test_other_programs_draw_our_curves(scenario, record_property):
    assert_exported_gives_our_curves(scenario, record_property)


@pytest.mark.parametrize("scenario", FEW, ids=str)
def test_what_is_exported_is_consistent_sbml_with_units(scenario):
    experiment = scenario.read()
    arm = experiment.arm(scenario.arm)
    sbml = typical_subject(Model.default(), experiment.system.typical(), arm.protocol, arm.condition)
    document = libsbml.readSBMLFromString(sbml)
    document.checkConsistency()
    found = [document.getError(i).getMessage() for i in range(document.getNumErrors())]
    assert found == []


def given_early_and_together() -> Protocol:
    """A drug from day -2 on, and cells and marrow of several doses at one instant."""
    return Protocol(
        (
            Dose("sorafenib", "10 mg/kg", at="day -2", every="1 day", until="day 3"),
            Dose("sorafenib", "5 mg/kg", at="day 1"),
            Dose("b6_t_cells", "1e6 cell", at="day 2"),
            Dose("b6_t_cells", "2e6 cell", at="day 2"),
            Dose("sorafenib", "2.5 mg/kg", at="day 2"),
        )
    )


@pytest.mark.parametrize("run", [run_in_roadrunner, run_in_copasi])
def test_doses_before_day_0_and_at_one_instant_are_in_the_document(run):
    model, typical = Model.default(), System.read("b6_into_balbc_wehi3b").typical()
    protocol, days = given_early_and_together(), np.array([-2.0, -1.5, 0.0, 1.5, 2.5, 6.0])
    names = ("sorafenib_depot", "sorafenib_central", "cd8_founder", "PD1_cd8", "time_after_dose")
    task = SimulationTask(model, typical, protocol, until=6.0, times=days, outputs=names, options=TIGHT)
    ours = run_tasks([task])[0].get()
    sbml = typical_subject(model, typical, protocol, Condition())
    assert "Time 0 of this document is day -2 of the protocol." in sbml
    assert libsbml.readSBMLFromString(sbml).checkConsistency() == 0
    curves, _ = run(sbml, days + 2, names, TIGHT)
    for name in names:
        expected = ours.values(name)[0]
        assert np.any(expected > 0), name
        np.testing.assert_allclose(curves[name], expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("run", [run_in_roadrunner, run_in_copasi])
def test_a_dose_whose_condition_holds_too_late_is_never_given(run):
    assert antimony.loadAntimonyString("model m\n species x = 1, y = 0, z = 0; x -> ; x; end") >= 0
    dose = [Operation(1.0, "add", "y", 5.0, guard="x < 0.3"), Operation(1.0, "add", "z", 5.0, guard="x < 0.4")]
    curves, _ = run(
        with_doses(antimony.getSBMLString("m"), {}, dose), np.array([0.0, 0.5, 1.5, 3.0]), ["y", "z"], TIGHT
    )
    np.testing.assert_allclose(curves["y"], 0.0, atol=1e-12)
    np.testing.assert_allclose(curves["z"], [0.0, 0.0, 5.0, 5.0], rtol=1e-9)


@pytest.mark.nightly
@pytest.mark.parametrize("scenario", [each for each in EXPORTED if each not in FEW], ids=str)
def test_other_programs_draw_our_curves_of_every_arm(scenario, record_property):
    assert_exported_gives_our_curves(scenario, record_property)


@pytest.mark.parametrize("scenario", [each for each in ALL if each.harvested][:1], ids=str)
def test_cells_of_another_subject_are_refused(scenario):
    experiment = scenario.read()
    arm = experiment.arm(scenario.arm)
    with pytest.raises(ModelError, match="Cells of a primary recipient come out of another run"):
        typical_subject(Model.default(), experiment.system.typical(), arm.protocol, arm.condition)


DISSOLVED = """
    model m
    compartment V = 2; substanceOnly species A in V; species S in V, P in V; A = 4; S = 3; P = 0; k = 0.3
    J1: S -> P; k*S*V; J2: A -> ; 0.1*A
    end
"""


def in_roadrunner(sbml, times, _):
    curves, _ = run_in_roadrunner(sbml, times, ["[S]", "[P]", "A"], TIGHT)
    return list(curves.values())


def in_copasi(sbml, times, volume):
    curves, _ = run_in_copasi(sbml, times, ["S", "P", "A"], TIGHT)
    return [curves["S"], curves["P"], curves["A"] * volume]  # it gives concentrations of everything


@pytest.mark.parametrize("run_in", [in_roadrunner, in_copasi])
@pytest.mark.parametrize("by_amount", [False, True])
def test_values_of_dissolved_species_are_concentrations_in_other_programs_too(run_in, by_amount):
    """In 2 l, values and doses of S are concentrations whichever way the document begins it; those of A are amounts."""
    antimony.loadAntimonyString(DISSOLVED)
    document = libsbml.readSBMLFromString(antimony.getSBMLString("m"))
    if by_amount:
        document.getModel().getSpecies("S").setInitialAmount(6.0)
    sbml = libsbml.writeSBMLToString(document)
    done = [Operation(at, "add", name, value) for at in (0.0, 1.0) for name, value in (("S", 0.5), ("A", 2.0))]
    done.append(Operation(2.0, "set", "P", 1.5))
    times = np.linspace(0.0, 4.0, 9)
    for given in ({}, {"S": 5.0, "A": 7.0}, {"V": 4.0}):
        asked = {"outputs": ["S", "P", "A"], "parameters": given, "schedule": done, "options": TIGHT}
        ours = ensemble.solve(Equations.from_sbml(sbml), times, subjects=1, **asked)
        theirs = run_in(with_doses(sbml, given, done), times, given.get("V", 2.0))
        # At a dose the programs show the value before it, and we the one behind it.
        between = ~np.isin(times, [0.0, 1.0, 2.0])
        for name, curve, own in zip(asked["outputs"], theirs, ours.values[0].T, strict=True):
            np.testing.assert_allclose(curve[between], own[between], rtol=1e-7, err_msg=f"{name} {given}")
