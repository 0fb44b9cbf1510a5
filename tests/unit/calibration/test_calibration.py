"""Ranges, cohorts, discrepancies, moves and files of calibration, on wells in culture: a set takes a millisecond."""

import dataclasses

import numpy as np
import pytest

from axes import unchecked
from gvlab.calibration import Ensemble, Evaluator, ParameterSpace
from gvlab.calibration.calibrate import Calibration
from gvlab.calibration.drivers import whole_trajectories
from gvlab.calibration.margins import Margins
from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError
from gvlab.findings.robustness import Robustness, judge_ensemble, separations
from gvlab.library import Library
from gvlab.library.ensemble_recipe import Block
from gvlab.statistics import approximate_power as formulas
from gvlab.statistics import logrank_power, mannwhitney_power, welch_power
from gvlab.subject import System
from gvlab.subject.plausible import between_searches, central, effective_sets, energy_distance, parts, quarters, rounded
from gvlab.subject.replicated import replicated_cohort

AXIS = ("f_ATF4_independent", "K_atf4_irf7", "rho_il15_induction", "f_il15_irf7_independent", "k_birth_blast")
CLAIMS = ("C01", "C02", "C03", "C04", "C06", "C07")


@pytest.fixture(scope="module")
def recipe():
    small = Block(title="the axis", parameters=AXIS)
    return Library().read("ensembles", "mathew2018").model_copy(update={"vary": (small,), "subjects": 4, "members": 16})


@pytest.fixture(scope="module")
def evaluator(recipe):
    return Evaluator(recipe, [Library().read("findings", claim) for claim in CLAIMS])


@pytest.fixture(scope="module")
def margins(recipe):
    small = recipe.model_copy(update={"decide": ("calibrate",)})
    return Margins(Evaluator(small, [Library().read("findings", claim) for claim in CLAIMS]), recipe.spare)


def test_every_value_of_the_space_lies_within_its_row():
    space = ParameterSpace.of(Library().read("ensembles", "mathew2018").varied, Library().names("systems"))
    corners = np.stack([np.zeros(len(space)), np.ones(len(space)), space.nominal()])
    low, high, nominal = space.values(corners)
    for i, axis in enumerate(space.axes):
        assert low[i] == pytest.approx(axis.row.lowerBound, rel=1e-12)
        assert high[i] == pytest.approx(axis.row.upperBound, rel=1e-12)
        assert axis.row.lowerBound <= low[i]
        assert high[i] <= axis.row.upperBound
        assert nominal[i] == pytest.approx(axis.row.nominalValue)
    np.testing.assert_allclose(space.unit_points(space.values(corners)), corners, atol=1e-12)


def test_the_circuit_is_shared_and_growth_belongs_to_a_line():
    space = ParameterSpace.of(["K_atf4_irf7", "k_birth_blast"], Library().names("systems"))
    by_name = {axis.name: axis.systems for axis in space.axes}
    assert set(by_name["K_atf4_irf7"]) == set(Library().names("systems"))
    assert by_name["k_birth_blast@leukemia:wehi3b_flt3itd"] == ("b6_into_balbc_wehi3b",)
    assert len(by_name) == 8


def test_pharmacokinetics_and_switches_do_not_vary():
    fixed = {
        row.parameterId for row in Library().rows("parameters") if row.parameterId.startswith(("on_", "CL_", "V_"))
    }
    assert not fixed & set(Library().read("ensembles", "mathew2018").varied)


def test_what_cannot_vary_is_refused():
    with pytest.raises(UnknownNameError, match=r'no parameter named "K_atf4_irf8".*Did you mean "K_atf4_irf7"'):
        ParameterSpace.of(["K_atf4_irf8"], ["culture_flt3itd"])
    with pytest.raises(InvalidValueError, match='No row of "alloreactivity" has a range'):
        ParameterSpace.of(["alloreactivity"], ["culture_flt3itd"])


def test_hold_outs_never_decide():
    recipe = Library().read("ensembles", "mathew2018")
    assert not set(recipe.decide) & set(recipe.never)
    for finding in Library().read_all("findings").values():
        decides = [recipe.decides(finding.id, finding.role, i) for i in range(len(finding.comparisons))]
        assert not any(decides) or finding.role in ("structure", "calibrate", "constraint")


def test_a_crowd_of_the_nominal_set_is_the_cohort_of_the_system():
    system = System.read("b6_into_balbc_wehi3b")
    table = system.parameters()
    names = [spec.parameter for spec in system.population.record.variability]
    sets = {name: np.repeat(table.value(name), 3) for name in names}
    many = replicated_cohort(system, sets, 8, 5, {"theta_death_leukemia": 5.0})
    one = system.cohort(8, 5)
    for name in names:
        np.testing.assert_allclose(many.column(name).reshape(3, 8), np.tile(one.column(name), (3, 1)), rtol=1e-9)
    assert set(many.column("theta_death_leukemia")) == {5.0}
    # Uniform fates are spread evenly: every eighth holds one subject of each set.
    np.testing.assert_allclose(np.sort(many.column("U_cure_sensitive")[:8]), (np.arange(8) + 0.5) / 8)


def test_power_by_formula_is_near_power_by_drawing_experiments():
    random = np.random.default_rng(2)
    x, y = np.exp(random.normal(0.9, 0.6, 400)), np.exp(random.normal(0.0, 0.6, 400))
    drawn = mannwhitney_power(x, y, 8, 8, random).probability
    assert formulas.mannwhitney_power(x[None], y[None], 8, 0.05)[0] == pytest.approx(drawn, abs=0.06)
    drawn = welch_power(x, y, 6, 6, random).probability
    assert formulas.welch_power(x[None], y[None], 6, 0.05)[0] == pytest.approx(drawn, abs=0.06)
    for long_term in (0.3, 0.5, 0.7):
        early, late = (
            random.normal(20, 2, 400),
            np.where(random.random(400) < long_term, 100.0, random.normal(24, 3, 400)),
        )
        days = np.arange(101.0)
        curves = [(times[:, None] > days[None]).mean(axis=0)[None] for times in (late, early)]
        drawn = logrank_power(late, late < 100, early, early < 100, 10, 10, random).probability
        assert formulas.logrank_power(*curves, 10, 0.05)[0] == pytest.approx(drawn, abs=0.12)


def test_nothing_is_missing_only_where_every_comparison_is_met_with_some_to_spare(margins, evaluator):
    points = np.random.default_rng(1).random((64, len(margins.space)))
    spared, missing = margins.follow(points, 4)
    assert np.all(np.isfinite(spared))
    met = missing.sum(axis=1) <= 0
    answers = evaluator.evaluate(
        evaluator.space.values(points), subjects=4, seed=evaluator.recipe.subjects_seed
    )  # fmt: skip
    claims = np.array([each.finding.role == "calibrate" for each in answers.comparisons])
    assert met.any()
    assert not met.all()
    assert np.all(answers.met[met][:, claims])
    np.testing.assert_array_equal(met, np.all(spared >= margins.least - 1e-9, axis=1))
    sized = ~margins.of_power
    names = [each.asked.title for each in margins.columns]
    margin = {each.title: answers.margin[:, i] for i, each in enumerate(answers.comparisons)}
    for i in np.flatnonzero(sized):
        np.testing.assert_allclose(spared[:, i], np.clip(margin[names[i]], -2, 1.5))


def test_what_is_known_is_not_computed_again_and_what_is_hopeless_is_given_up(margins):
    points = np.random.default_rng(2).random((8, len(margins.space)))
    known = np.full((8, len(margins.systems)), 7.0)
    spared, missing = margins.follow(points, 4, known=known, needed=np.zeros(known.shape, dtype=bool))
    np.testing.assert_array_equal(missing, known)
    assert np.isnan(spared).all()
    assert margins.effort(spared) == 0
    _, missing = margins.follow(points, 4, limit=np.full(8, -1.0))
    assert np.isinf(missing).all()
    assert margins.effort(margins.follow(points, 4)[0]) == pytest.approx(8)


def test_searches_that_disagree_are_told_from_those_that_agree():
    random = np.random.default_rng(10)
    search = np.repeat([0, 1, 2], 100)
    shares = np.column_stack([random.random(300), 0.2 * random.random(300) + 0.3 * search])
    agree, apart = between_searches(shares, search)
    assert agree == pytest.approx(1.0, abs=0.03)
    assert apart > 2
    assert between_searches(shares, np.zeros(300, dtype=int)) == pytest.approx([1.0, 1.0])


def test_scale_reduction_is_that_of_its_formula():
    random = np.random.default_rng(11)
    search = np.repeat([0, 1], 500)
    scores = random.standard_normal(1000) + search * 1.0
    # Means one apart: between 1/2; within 1 (ranks of both together shrink both alike).
    assert between_searches(scores[:, None], search)[0] == pytest.approx(np.sqrt(1 + 0.5), rel=0.05)


def test_sets_are_worth_what_the_means_of_searches_say():
    random = np.random.default_rng(12)
    search = np.repeat(np.arange(8), 50)
    alone = random.standard_normal((400, 60))
    assert effective_sets(alone, search) == pytest.approx(400, rel=0.15)
    # Every value comes five times within its search: a search is worth ten of fifty.
    copied = np.repeat(random.standard_normal((80, 60)), 5, axis=0)
    assert effective_sets(copied, search) == pytest.approx(80, rel=0.2)
    assert effective_sets(alone, np.zeros(400, dtype=int)) == 400
    assert effective_sets(np.ones((8, 2)), np.repeat([0, 1], 4)) == 8
    # Searches that are points are worth a set each, and not nothing.
    points = np.repeat(random.standard_normal((8, 60)), 50, axis=0) + 1e-6 * alone
    assert effective_sets(points, search) == pytest.approx(8, rel=0.15)
    # A ninth search of a single set says nothing, and takes nothing from what the others say.
    with_one = np.append(search, 8)
    assert effective_sets(np.vstack([copied, copied[:1]]), with_one) == pytest.approx(80, rel=0.2)


def test_quarters_of_many_searches_agree_where_single_ones_differ():
    random = np.random.default_rng(14)
    search = np.repeat(np.arange(40), 20)
    # A search is worth one set and a half: its middle is drawn with nearly the spread of a set.
    values = (0.8 * random.standard_normal(40)[search] + random.standard_normal(800))[:, None]
    assert between_searches(values, search)[0] > 1.2
    assert quarters(search).tolist()[:100:20] == [0, 1, 2, 3, 0]
    assert between_searches(values, quarters(search))[0] < 1.1
    # Where all searches of a quarter went one way, quarters tell too.
    assert between_searches(values + 2.0 * (quarters(search) == 1)[:, None], quarters(search))[0] > 1.2


def test_searches_of_few_sets_are_shown_by_quarters():
    search = np.repeat(np.arange(12), 8)
    assert parts(search) is search
    few = search[::4]
    assert parts(few).tolist() == (few % 4).tolist()
    # Four searches or fewer are their own quarters.
    assert parts(np.array([0, 1, 0, 1])).tolist() == [0, 1, 0, 1]


def test_a_thinned_ensemble_is_worth_what_its_searches_are():
    random = np.random.default_rng(15)
    search = np.repeat(np.arange(40), 20)
    values = random.standard_normal((40, 30))[search] * 0.5 + random.standard_normal((800, 30))
    worth = effective_sets(values, search)
    about = {"sets": 800, "effective_sample_size": worth, "searches": [{"sets": 20}] * 40}
    whole = Ensemble(tuple(f"p{i}" for i in range(30)), values, search, about)
    # The middles of searches vary by 1/4, sets within by 1, a set in all by 5/4: 40 (5/4) / (1/4 + 1/20).
    assert whole.effective == pytest.approx(worth) == pytest.approx(167, rel=0.15)
    few = whole.thin(200)
    assert few.effective == pytest.approx(40 * 1.25 / (1 / 4 + 1 / 5), rel=0.15)
    assert few.effective == pytest.approx(effective_sets(few.values, few.search), rel=0.15)
    # One set of each search: every one is independent.
    assert whole.thin(40).effective == pytest.approx(40)
    assert whole.thin(20).effective == pytest.approx(20)


def test_energy_distance_tells_samples_apart_as_its_definition_does():
    random = np.random.default_rng(13)
    one, same, other = random.random((200, 3)), random.random((150, 3)), random.random((150, 3)) + 0.5
    assert abs(energy_distance(one, same)) < 0.01
    assert energy_distance(one, other) > 0.3
    x, y = np.array([[0.0], [1.0]]), np.array([[3.0], [4.0]])
    # Across 3; within 1 and 1; all six pairs of 0, 1, 3, 4: 1, 3, 4, 2, 3, 1.
    assert energy_distance(x, y) == pytest.approx((2 * 3 - 2) / (14 / 6))


def test_the_most_central_set_is_in_the_middle():
    points = np.array([[0.1, 0.2], [0.5, 0.5], [0.9, 0.7], [0.2, 0.9], [0.8, 0.1]])
    assert central(points) == 1


@pytest.fixture(scope="module")
def small(recipe):
    changes = {"decide": ("calibrate",), "prior_draws": 32, "searches": 2, "members": 12, "changes": 2}
    return recipe.model_copy(update={**changes, "subjects_checked": 8, "subjects_judged": 8})


@pytest.fixture
def culture_only(monkeypatch):
    claims = [Library().read("findings", claim) for claim in CLAIMS]
    monkeypatch.setattr("gvlab.calibration.calibrate.Evaluator", lambda each, **kind: Evaluator(each, claims, **kind))
    monkeypatch.setattr("gvlab.calibration.guess._LOOKS", 4_000)
    monkeypatch.setattr("gvlab.calibration.search.CANDIDATES", 4)


def test_searches_side_by_side_give_what_one_after_another_gives(small, tmp_path, culture_only):
    whole = Calibration(small, tmp_path / "whole")
    shares = [step.share for step in whole.run()]
    assert shares[-1] == 1.0
    assert all(0 <= share <= 1 for share in shares)
    for number in (2, 1):
        parts = Calibration(small, tmp_path / "parts")
        assert list(parts.run(only=number))
        assert parts.ensemble is None
    gathered = Calibration(small, tmp_path / "parts")
    steps = list(gathered.run(gather=True))
    assert [step.stage for step in steps] == ["prior", "gathering", "done"]
    assert 0 < steps[0].share < steps[1].share < steps[2].share == 1
    np.testing.assert_array_equal(gathered.ensemble.values, whole.ensemble.values)
    np.testing.assert_array_equal(gathered.ensemble.search, whole.ensemble.search)
    with pytest.raises(InvalidValueError, match="searches 1 to 2; 3 was asked for"):
        list(gathered.run(only=3))
    with pytest.raises(InvalidValueError, match="give more than 0"):
        list(gathered.run(minutes=0))


def test_a_calibration_keeps_only_sets_that_meet_what_decides(small, tmp_path, culture_only):
    calibration = Calibration(small, tmp_path)
    list(calibration.run())
    ensemble = calibration.ensemble
    answers = calibration.evaluator.evaluate(ensemble.values, subjects=small.subjects_judged)
    assert np.all(answers.discrepancy() <= 0)
    deciding = [each.finding.role for each, ours in zip(answers.comparisons, answers.decides, strict=True) if ours]
    assert set(deciding) == {"calibrate"}
    about = ensemble.about
    assert about["sets_tried"] >= sum(each["sets_tried"] for each in about["searches"])
    assert len(ensemble) == sum(each["sets"] for each in about["searches"])
    assert 0 <= about["passed_with_others"] <= 1
    assert 1 <= about["effective_sample_size"] <= len(ensemble)


def test_more_searches_are_added_to_a_folder_and_one_ends_by_its_effort(small, tmp_path, culture_only):
    list(Calibration(small, tmp_path).run())
    begun = {number: search.members() for number, search in enumerate(Calibration(small, tmp_path).searches)}
    more = Calibration(small.model_copy(update={"searches": 3, "changes": 1000, "effort": 30.0}), tmp_path)
    list(more.run())
    assert more.ensemble.about["searches"][2]["sets"] > 0
    for number, members in begun.items():
        # What has spent its effort is left where it is.
        assert members.effort >= 30
        assert more.searches[number].members().generation == members.generation


def test_too_few_sets_are_no_ensemble(small, tmp_path, culture_only):
    calibration = Calibration(small.model_copy(update={"members": 8, "searches": 1}), tmp_path)
    with pytest.raises(InvalidValueError, match="plausible sets were found, and an ensemble has at least 10"):
        list(calibration.run(minutes=0.001))


def test_nothing_found_is_no_ensemble_either(small, tmp_path, culture_only):
    calibration = Calibration(small, tmp_path)
    with pytest.raises(InvalidValueError, match=r"^0 plausible sets were found, .* at least 10"):
        list(calibration.run(gather=True))


def test_rounding_stays_within_bounds():
    values = np.array([[0.123456789, 9.99999999]])
    np.testing.assert_array_equal(rounded(values, np.zeros(2), np.full(2, 9.9999999)), [[0.123457, 9.9999999]])


def test_an_ensemble_survives_its_file(tmp_path, recipe):
    about = {"recipe": recipe.model_dump(mode="json"), "sets": 3, "effective_sample_size": 2.0, "axes": [["a", 0, 1]]}
    one = Ensemble(("a", "b@c:d"), np.arange(6.0).reshape(3, 2), np.array([0, 1, 1]), about)
    one.write(tmp_path / "some.parquet")
    other = Ensemble.read(str(tmp_path / "some.parquet"))
    assert other.names == one.names
    np.testing.assert_array_equal(other.values, one.values)
    np.testing.assert_array_equal(other.search, one.search)
    assert other.about == about
    assert len(other.thin(2)) == 2
    with pytest.raises(UnknownNameError, match='no axis of the ensemble named "A"'):
        other.column("A")
    with pytest.raises(InvalidValueError, match="An ensemble of 2 sets"):
        unchecked(Ensemble.__init__)(object.__new__(Ensemble), one.names, one.values, np.array([0, 1]), about)
    (tmp_path / "bad.parquet").write_bytes(b"no")
    with pytest.raises(LibraryError, match="is not an ensemble written by gvlab"):
        Ensemble.read(str(tmp_path / "bad.parquet"))


def test_verdicts_count_sets_and_name_associated_parameters(evaluator, recipe):
    values = evaluator.space.values(np.random.default_rng(8).random((80, len(evaluator.space))))
    about = {"recipe": recipe.model_dump(mode="json"), "sets": 80, "effective_sample_size": 80}
    ensemble = Ensemble(evaluator.space.names, values, np.arange(80) % 2, about)
    records = [Library().read("findings", claim) for claim in CLAIMS]
    found, answers = judge_ensemble(ensemble, evaluator, records, subjects=4)
    by_id = {verdict.record.id: verdict for verdict in found}
    place = [i for i, each in enumerate(answers.comparisons) if each.finding.id == "C01"]
    assert by_id["C01"].reproduced.value == pytest.approx(answers.met[:, place].all(axis=1).mean())
    halves = [answers.met[half::2][:, place].all(axis=1).mean() for half in (0, 1)]
    assert by_id["C01"].by_search == pytest.approx(halves)
    assert by_id["C01"].used_for_calibration == "all"
    assert by_id["C07"].used_for_calibration == "none"
    assert by_id["C03"].robustness in (Robustness.ROBUST, Robustness.MOSTLY)
    with pytest.raises(InvalidValueError, match="varies other parameters"):
        judge_ensemble(dataclasses.replace(ensemble, names=("x", *ensemble.names[1:])), evaluator, records)


def test_the_parameter_that_decides_is_found():
    random = np.random.default_rng(9)
    values = random.random((300, 4))
    ensemble = Ensemble(("a", "b", "c", "d"), values, np.zeros(300, dtype=int))
    found = separations(ensemble, values[:, 2] > 0.6)
    assert found[0].axis == "c"
    assert found[0].area == pytest.approx(1.0)
    assert separations(ensemble, values[:, 2] > 2) == ()


def test_the_ensemble_of_the_library_keeps_its_promises():
    ensemble = Ensemble.read("mathew2018")
    file = Library().ensemble_file("mathew2018")
    assert len(ensemble) >= 100
    assert file.stat().st_size < 2_000_000
    for name, low, high in ensemble.about["axes"]:
        column = ensemble.column(name)
        assert low <= column.min()
        assert column.max() <= high
    # Bounds were frozen: what the tables say now is what they said then.
    assert not ensemble.stale(), "The model or its ranges have changed; make the ensemble anew: gvlab calibrate"


def test_a_point_that_could_not_be_solved_takes_its_trajectory_with_it():
    output = np.arange(12.0)
    output[5] = np.nan
    assert whole_trajectories(output, inputs=3).tolist() == [True] * 4 + [False] * 4 + [True] * 4
