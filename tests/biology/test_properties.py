"""What must hold whatever the numbers: every property is asked of random draws of the prior, in every mouse system."""

import numpy as np
import pytest

import gvlab
from gvlab.library import Library
from gvlab.protocol import Condition
from gvlab.subject.parameter_space import ParameterSpace
from gvlab.subject.replicated import replicated_cohort

SETS, SUBJECTS, SEED = 16, 2, 7
MICE = (
    "b6_into_balbc_wehi3b",
    "b6_into_balbc_baf3",
    "balbc_into_b6_mll_ptd",
    "balbc_into_b6_marrow_itd",
    "human_into_rag2_molm13",
    "human_cd8_into_nsg_primary",
)
MODEL = gvlab.Model.default()
HAZARDS = tuple(cause.hazard for cause in Library().read("ensembles", "mathew2018").causes)
OUTPUTS = (
    "burden", "IL15_niche", "IL15_serum", "il15_signal", "cd8_effector", "cd8_niche", "killing", "FLT3_activity",
    "ATF4", "pIRF7", "IL15_mRNA", "C_sorafenib", "gvhd_damage", "lineages_sensitive", "founders_sensitive", "alive",
    "p_extinct_sensitive", *HAZARDS,
)  # fmt: skip


def draws(system, seed=SEED):
    """Mice of random draws of the prior, each followed until it is almost surely dead."""
    recipe = Library().read("ensembles", "mathew2018")
    space = ParameterSpace.of(recipe.varied, Library().names("systems"))
    values = space.values(np.random.default_rng(seed).random((SETS, len(space))))
    thresholds = {cause.threshold: 5.0 for cause in recipe.causes}
    where = gvlab.System.read(system)
    return where, replicated_cohort(where, space.parameters(values, system), SUBJECTS, seed, thresholds)


def arm(system, name, experiment="mathew2018_survival"):
    return gvlab.Experiment.read(experiment, system).arm(name)


def without(protocol, agent):
    return gvlab.Protocol(tuple(dose for dose in protocol if dose.agent != agent))


def changed(protocol, agent, **changes):
    return gvlab.Protocol(tuple(dose.replace(**changes) if dose.agent == agent else dose for dose in protocol))


def follow(system, protocol, condition=None, until=30.0, times=None):
    _, mice = draws(system)
    return gvlab.simulate(
        MODEL, mice, protocol, until=until, times=times, outputs=OUTPUTS, condition=condition, engine="ensemble"
    )


def equal(one, other, output, rtol=1e-3):
    """Equal up to the tolerance of the solver, where both are alive."""
    a, b = one.values(output), other.values(output)
    both = np.isfinite(a) & np.isfinite(b)
    assert both.sum() > a.size / 10
    np.testing.assert_allclose(a[both], b[both], rtol=rtol, atol=1e-6)


@pytest.fixture(scope="module", params=MICE)
def system(request):
    return request.param


@pytest.fixture(scope="module")
def both(system):
    return follow(system, arm(system, "BM + T cells + sorafenib").protocol, until=60.0)


def test_nothing_is_negative(both):
    for output in OUTPUTS:
        values = both.values(output)
        assert np.nanmin(values) > -1e-6 * max(1.0, np.nanmax(np.abs(values))), output


def test_hazards_and_extinction_only_grow(both):
    for output in (*HAZARDS, "p_extinct_sensitive"):
        living = both.values("founders_sensitive") > 0 if output.startswith("p_") else np.isfinite(both.values(output))
        values = np.where(living, both.values(output), np.nan)
        steps = np.diff(values, axis=1)
        assert np.nanmin(steps) > -1e-6, output


def test_an_extinct_leukemia_stays_extinct(both):
    burden = both.values("burden")
    for row in range(len(both)):
        gone = np.flatnonzero(burden[row] < 1e-9)
        gone = gone[gone > 0]
        if len(gone):
            assert np.nanmax(burden[row, gone[0] :]) < 1e-6


def test_without_donor_t_cells_there_is_no_gvl(system):
    protocol = arm(system, "BM + sorafenib").protocol
    as_it_is = follow(system, protocol, until=20.0)
    cannot_kill = follow(system, protocol, Condition.of("cd8_depletion"), until=20.0)
    assert np.nanmax(as_it_is.values("cd8_niche")) == 0
    equal(as_it_is, cannot_kill, "burden")


def test_syngeneic_cells_make_no_graft_versus_host_disease(system):
    protocol = arm(system, "BM + T cells + sorafenib").protocol
    syngeneic = follow(system, protocol, "syngeneic_t_cells")
    assert np.nanmax(syngeneic.values("gvhd_damage")) < 1e-9


def test_without_leukemia_nobody_dies_of_leukemia_and_the_drug_raises_no_il15(system):
    leukemia = gvlab.System.read(system).doses["leukemia"].agent
    treated = without(arm(system, "BM + T cells + sorafenib").protocol, leukemia)
    untreated = without(arm(system, "BM + T cells").protocol, leukemia)
    with_drug, no_drug = follow(system, treated), follow(system, untreated)
    assert np.nanmax(with_drug.values("cumulative_hazard_leukemia")) < 1e-9
    equal(with_drug, no_drug, "IL15_serum")


def test_more_drug_is_not_less_inhibition(system):
    times = np.linspace(0.0, 8.0, 97)
    lowest = None
    for amount in ("2 mg/kg", "10 mg/kg", "40 mg/kg"):
        plan = arm(system, "BM + sorafenib").protocol
        plan = changed(plan, "sorafenib", amount=amount, until="day 7")
        activity = follow(system, plan, until=8.0, times=times).values("FLT3_activity")
        if lowest is not None:
            assert np.nanmax(activity - lowest) < 1e-3
        lowest = activity


def test_removing_the_il15_of_the_leukemia_lowers_the_niche(system, both):
    protocol = arm(system, "BM + T cells + sorafenib").protocol
    deficient = follow(system, protocol, "il15_deficient_leukemia", until=14.0)
    day = 9
    a, b = deficient.values("IL15_niche")[:, day], both.values("IL15_niche")[:, day]
    # Fewer CD8 take less up, so a deficient leukemia could leave more only where it presents nothing to begin with.
    assert np.nanmedian(b / a) > 1
    assert np.nanmean(a <= b * 1.01) > 0.9


def test_blockade_lowers_the_signal(system, both):
    blocked = follow(system, arm(system, "BM + T cells + sorafenib").protocol, "anti_il15", until=14.0)
    ratio = blocked.values("il15_signal")[:, 9] / both.values("il15_signal")[:, 9]
    assert np.nanmedian(ratio) < 0.5
    # A blocked mouse keeps blasts that another has lost, and these present; so it is asked where as many are left.
    as_many = both.values("burden")[:, 9] > 0.5 * blocked.values("burden")[:, 9]
    assert as_many.sum() > len(ratio) / 4
    assert np.nanmax(ratio[as_many]) < 1


def test_only_a_source_that_grows_with_t_cells_lifts_serum_il15_above_that_of_the_drug_alone(system, both):
    alone = follow(system, arm(system, "BM + sorafenib").protocol, until=14.0)
    seeing = follow(system, arm(system, "BM + T cells + sorafenib").protocol, "ifng_raises_il15", until=14.0)
    by_drug = alone.values("IL15_serum")[:, :15]
    # T cells only lessen the leukemia; where they have not, rounding of the solver is left.
    assert np.nanmax(both.values("IL15_serum")[:, :15] / by_drug) < 1.01
    assert np.nanmax(seeing.values("IL15_serum") / by_drug) > 1.01


def test_t_cells_that_the_drug_does_not_touch_divide_as_without_it(system):
    protocol = without(
        arm(system, "BM + T cells + sorafenib").protocol, gvlab.System.read(system).doses["leukemia"].agent
    )
    no_drug = without(protocol, "sorafenib")
    equal(follow(system, protocol, "no_drug_on_t_cells", until=20.0), follow(system, no_drug, until=20.0), "cd8_niche")


def test_the_drug_does_nothing_to_the_axis_of_flt3_wild_type(system):
    wild = follow(system, arm(system, "BM + sorafenib").protocol, "flt3_wildtype_leukemia", until=14.0)
    for output in ("FLT3_activity", "ATF4", "pIRF7", "IL15_mRNA"):
        values = wild.values(output)
        assert np.nanmax(np.abs(values - values[:, :1])) < 1e-3, output


def test_no_dose_of_drug_is_no_drug(system):
    nothing = changed(arm(system, "BM + T cells + sorafenib").protocol, "sorafenib", amount="0 mg/kg")
    no_drug = arm(system, "BM + T cells").protocol
    equal(follow(system, nothing, until=20.0), follow(system, no_drug, until=20.0), "burden")


def test_in_culture_atf4_falls_before_irf7_rises_before_il15_does():
    where, wells = draws("culture_flt3itd")
    plan = gvlab.Experiment.read("mathew2018_axis", "culture_flt3itd").arm("sorafenib").protocol
    times = np.linspace(0.0, 2.0, 481)
    run = gvlab.simulate(MODEL, wells, plan, until=2.0, times=times, outputs=("ATF4", "pIRF7", "IL15_mRNA"))
    half = {}
    for output in ("ATF4", "pIRF7", "IL15_mRNA"):
        values = run.values(output)
        change = np.abs(values - values[:, :1])
        half[output] = times[np.argmax(change >= 0.5 * change.max(axis=1, keepdims=True), axis=1)]
    step = times[1]
    assert np.all(half["ATF4"] <= half["pIRF7"] + step)
    assert np.all(half["pIRF7"] <= half["IL15_mRNA"] + step)
    # Protein within hours, message within a day: what a time course of blots and qPCR can see.
    assert np.median(half["ATF4"]) < 0.25
    assert np.median(half["IL15_mRNA"]) < 1.0
    assert where.name == "culture_flt3itd"


def test_every_mouse_system_of_the_library_is_asked():
    assert {*MICE, "culture_flt3itd", "relapse_after_hct", "remission_after_hct"} == set(Library().names("systems"))
