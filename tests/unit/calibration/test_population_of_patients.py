from __future__ import annotations

import numpy as np
import pytest

from gvlab.calibration import patients
from gvlab.calibration.expected_patients import Expected, expected_outcomes
from gvlab.calibration.patients import (
    distance,
    interval,
    moved,
    standard_error,
    weigh,
    weigh_within,
)
from gvlab.calibration.recalibrations import recalibrated, with_other_luck
from gvlab.calibration.reused_patients import FollowedPatients, ReusedPatients
from gvlab.errors import InvalidValueError, LibraryError
from gvlab.experiment import Experiment
from gvlab.library import Library
from gvlab.library.benchmark_record import Benchmark, BenchmarkSet
from gvlab.library.records import PopulationRecord
from gvlab.statistics import effective_size
from gvlab.subject import Population, System
from gvlab.workflows.calibrate_population import PopulationRequest, calibrate_patients


def row(id: str = "B1", **fields) -> Benchmark:
    given = {"title": "alive", "arms": {"a": 1.0}, "outcome": "survival", "day": 100, "n": 50, "use": "calibrate"}
    return Benchmark(**{"id": id, "value": 0.3, **given, **fields})


def outcomes(**columns) -> Expected:
    n = len(next(iter(columns.values())))
    return Expected(
        {name: np.asarray(values, dtype=float) for name, values in columns.items()},
        {name: np.ones(n) for name in columns},
        np.ones(n),
    )


def test_one_strong_benchmark_is_met_by_weights_in_closed_form():
    """Half of the patients live and half die: the weights are p and 1 - p over a half."""
    expected = outcomes(B1=[1.0] * 500 + [0.0] * 500)
    rare = row(n=100_000, value=0.3)
    fit = weigh(expected, [rare])
    assert expected.share("B1", fit.weights) == pytest.approx(0.3, abs=1e-3)
    assert fit.weights[0] / fit.weights[-1] == pytest.approx(0.3 / 0.7, rel=1e-2)
    assert fit.weights.mean() == pytest.approx(1.0)
    assert fit.effective_patients == pytest.approx(1000 / (2 * (0.3**2 + 0.7**2)), rel=1e-2)


def test_a_weak_benchmark_pulls_less_than_a_strong_one():
    rng = np.random.default_rng(1)
    expected = outcomes(B1=rng.random(2000))
    weak, strong = (weigh(expected, [row(value=0.2, n=n)]) for n in (5, 5000))
    assert 0.2 < expected.share("B1", strong.weights) < expected.share("B1", weak.weights) < 0.5
    assert strong.effective_patients < weak.effective_patients


def test_benchmarks_that_disagree_are_met_halfway():
    rng = np.random.default_rng(2)
    luck = rng.random(4000)
    expected = outcomes(B1=luck, B2=luck)
    rows = [row("B1", value=0.3), row("B2", value=0.6)]
    share = expected.share("B1", weigh(expected, rows).weights)
    assert 0.35 < share < 0.55


def test_who_was_not_followed_has_no_weight():
    expected = Expected({"B1": np.array([1.0, 0.0, 0.5])}, {"B1": np.ones(3)}, np.array([1.0, 1.0, 0.0]))
    assert weigh(expected, [row()]).weights[2] == 0


def test_errors_and_intervals_of_no_events():
    none = row(value=0.0, n=16)
    assert standard_error(none) > 0
    low, high = interval(none)
    assert low == 0
    assert high == pytest.approx(0.194, abs=1e-3)
    wider = interval(row(value=0.3, n=30, spread=0.1))
    narrow = interval(row(value=0.3, n=30))
    assert wider[0] < narrow[0] < 0.3 < narrow[1] < wider[1]


@pytest.fixture(scope="module")
def system() -> System:
    return System.read("relapse_after_hct")


def test_medians_go_where_the_weights_are_and_stay_within_their_bounds(system):
    record = system.population.record
    cohort = system.cohort(512, 1)
    slow = (cohort.column("k_birth_blast") < np.median(cohort.column("k_birth_blast"))).astype(float)
    gone = moved(record, record, cohort, slow)
    before, after = (
        next(spec for spec in each.variability if spec.parameter == "k_birth_blast") for each in (record, gone)
    )
    center = system.parameters().value("k_birth_blast") if before.value is None else before.value
    assert after.value < center
    for spec in gone.variability:
        if spec.distribution == "log-normal":
            low, high = system.parameters().bounds(spec.parameter)
            assert low <= spec.value <= high
        for shares in (spec.shares, [part.share for part in spec.components]):
            assert not shares or (min(shares) >= 0.04 and sum(shares) == pytest.approx(1.0))
    # What was moved is a population that can be drawn.
    assert len(type(system.population)(gone, system.parameters()).sample(64, 1)) == 64


def test_expected_outcomes_do_not_hang_on_the_draw_that_decides(system):
    """The draws of death, cure and founders may be anything; what is expected of a patient stays."""
    library = Library.default()
    full: BenchmarkSet = library.read("benchmarks", "flt3itd_relapse_after_hct")
    few = full.model_copy(
        update={
            "arms": {"sorafenib": full.arms["sorafenib"]},
            "benchmarks": tuple(
                row(use="calibrate", arms={"sorafenib": 1.0}, outcome=outcome, day=day, id=outcome)
                for outcome, day in (("survival", 365), ("complete_remission", 182), ("falling", 14))
            ),
        }
    )
    cohort = system.cohort(24, 3)
    rng = np.random.default_rng(0)
    fates = {
        name: rng.random(24)
        for name in ("U_cure_sensitive", "U_cure_mutant", "theta_death_leukemia", "theta_death_other")
    }
    one = expected_outcomes(few, cohort, system)
    other = expected_outcomes(few, cohort.replace(fates), system)
    for name in ("survival", "complete_remission", "falling"):
        assert one.counted[name] == pytest.approx(other.counted[name], abs=1e-9)
        assert np.all((one.counted[name] >= 0) & (one.counted[name] <= 1 + 1e-9))
    assert one.share("survival", np.ones(24)) == pytest.approx(np.mean(one.counted["survival"]))


def test_expected_survival_is_the_share_of_drawn_patients(system):
    library = Library.default()
    full: BenchmarkSet = library.read("benchmarks", "flt3itd_relapse_after_hct")
    arm = "chemotherapy"
    few = full.model_copy(
        update={"arms": {arm: full.arms[arm]}, "benchmarks": (row(arms={arm: 1.0}, day=365, id="alive"),)}
    )
    cohort = system.cohort(600, 4)
    expected = expected_outcomes(few, cohort, system)
    four = Experiment.read("patients_four_arms")
    drawn = four.replace(arms=four.arms[:1]).run(4, cohort=cohort).events("overall_survival")
    observed = drawn.curve("Chemotherapy").at(364.9)
    assert observed.lower - 0.02 < expected.share("alive", np.ones(600)) < observed.upper + 0.02


def test_a_population_is_calibrated_and_written(tmp_path):
    request = PopulationRequest(
        benchmarks="flt3itd_relapse_after_hct", seed=3, patients=128, moves=0, allow_collapse=True
    )
    bundle = calibrate_patients(request)
    bundle.write(tmp_path / "out")
    data = bundle.data["population.json"]
    assert set(data) >= {"effective_patients", "largest_weight", "benchmarks"}
    assert data["distance_weighted"] < data["distance_unweighted"][-1]
    assert data["largest_weight"] < 1
    (tmp_path / "lib" / "populations").mkdir(parents=True)
    library = Library(tmp_path / "lib")
    for name in ("flt3itd_relapse_after_hct.yaml", "flt3itd_relapse_after_hct.weights.tsv"):
        (tmp_path / "lib" / "populations" / name).write_text((tmp_path / "out" / name).read_text())
    assert library.read("populations", "flt3itd_relapse_after_hct") == bundle.found.population
    # Plain statistics of a cohort are those of the weighted patients.
    drawn = System.read("relapse_after_hct", library).cohort(4096, 5)
    for name in ("k_birth_blast", "f_burden_relapse"):
        weighted = np.average(bundle.found.cohort.column(name), weights=bundle.found.fit.weights)
        assert drawn.column(name).mean() == pytest.approx(weighted, rel=1e-3)


def test_weights_that_collapse_are_refused(monkeypatch):
    monkeypatch.setattr("gvlab.workflows.calibrate_population.FEWEST", 10_000)
    with pytest.raises(InvalidValueError, match="--allow-collapse"):
        calibrate_patients(PopulationRequest(benchmarks="flt3itd_relapse_after_hct", patients=64, moves=0))


def test_hold_outs_never_decide(system):
    full: BenchmarkSet = Library.default().read("benchmarks", "flt3itd_relapse_after_hct")
    only = full.model_copy(update={"benchmarks": tuple(r for r in full.benchmarks if r.use != "calibrate")})
    with pytest.raises(InvalidValueError, match='no benchmark of use "calibrate"'):
        patients.calibrate_population(only, Library.default(), 1, patients=64, moves=0)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"arms": {"a": 0.5}}, "add up to 1"),
        ({"from_day": 100}, "counts from day 100 to day 100"),
        ({"n": 0}, "greater than or equal to 1"),
        ({"value": 1.2}, "less than or equal to 1"),
    ],
)
def test_a_benchmark_that_cannot_be_is_refused(fields, said):
    with pytest.raises(ValueError, match=said):
        row(**fields)


def test_the_distance_counts_standard_errors():
    expected = outcomes(B1=[0.5, 0.5])
    asked = row(value=0.3)
    assert distance(expected, [asked], np.ones(2)) == pytest.approx((0.2 / standard_error(asked)) ** 2)


def test_other_luck_spreads_as_patients_and_studies_do():
    rng = np.random.default_rng(1)
    alone = [with_other_luck(row(n=400, value=0.3), rng).value for _ in range(4000)]
    assert np.mean(alone) == pytest.approx(0.3, abs=0.003)
    assert np.std(alone) == pytest.approx(np.sqrt(0.3 * 0.7 / 400), rel=0.05)
    between = [with_other_luck(row(n=400, value=0.3, spread=0.05), rng).value for _ in range(4000)]
    assert np.std(between) == pytest.approx(np.sqrt(0.3 * 0.7 / 400 + 0.05**2), rel=0.05)


def test_calibrations_to_other_luck_move_the_population_and_not_its_weights_alone(system, monkeypatch):
    """With everybody's outcome decided by one number, its median moves to where other luck puts it."""
    table = system.parameters()
    line = table.value("k_killing_chemotherapy")

    def decided(benchmarks, cohort, system, **_):
        return outcomes(B1=cohort.column("k_killing_chemotherapy") > line)

    of = BenchmarkSet.model_construct(
        benchmarks=(row(n=40, value=0.3),), predictions=(), system=system.name, prior="flt3itd_relapse_prior"
    )
    monkeypatch.setattr("gvlab.calibration.kept_outcomes.expected_outcomes", decided)
    of = of.model_copy(update={"arms": {}})
    found = patients.calibrate_population(of, system.library, 1, patients=512, moves=1)
    again = recalibrated(found, of, system.library, 60, 1, patients=256)
    low, high = again.interval("B1")
    assert low < 0.3 < high
    assert high - low == pytest.approx(2 * 1.645 * np.sqrt(0.3 * 0.7 / 40), rel=0.4)
    # The first calibrations are the same whatever their number, and whoever is not worth enough is followed anew.
    assert np.array_equal(recalibrated(found, of, system.library, 3, 1, patients=256).shares, again.shares[:3])
    assert (again.followed == 0).all()
    anew = recalibrated(found, of, system.library, 3, 1, patients=2000)
    assert (anew.followed == 2000).all()
    assert (anew.effective_patients > again.effective_patients[:3]).all()


SMALL = {"benchmarks": "flt3itd_relapse_after_hct", "seed": 3, "patients": 64, "moves": 0, "allow_collapse": True}


def one_arm(monkeypatch, library: Library) -> Library:
    """Return a library whose benchmarks have one arm, so that patients are followed in no time."""
    full: BenchmarkSet = library.read("benchmarks", "flt3itd_relapse_after_hct")
    few = full.model_copy(
        update={
            "arms": {"chemotherapy": full.arms["chemotherapy"]},
            "benchmarks": (row("K01", arms={"chemotherapy": 1.0}, day=365, value=0.12, n=60),),
            "predictions": (),
        }
    )
    read = Library.read
    monkeypatch.setattr(
        Library, "read", lambda self, kind, name: few if kind == "benchmarks" else read(self, kind, name)
    )
    return library


def test_reused_patients_say_what_new_ones_would(system):
    """Patients of two populations stand for a third, which was moved to those whose blasts grow slowly."""
    prior: PopulationRecord = system.library.read("populations", "flt3itd_relapse_prior")
    table = system.parameters()

    def followed(record, seed):
        cohort = Population(record, table).sample(4096, seed)
        slow = cohort.column("k_birth_blast") < table.value("k_birth_blast")
        return FollowedPatients(record, cohort, outcomes(B1=slow * cohort.column("on_cd8_blast")))

    first = followed(prior, 1)
    slow = 0.5 + first.expected.counted["B1"]
    second = followed(moved(prior, prior, first.cohort, slow), 2)
    reused = ReusedPatients.of([first, second])
    target = moved(second.population, prior, reused.cohort, reused.counts(second.population) * np.append(slow, slow))
    counts = reused.counts(target)
    assert counts.mean() == pytest.approx(1.0, abs=0.05)
    new = followed(target, 9)
    expected = new.expected.share("B1", np.ones(4096))
    assert reused.expected.share("B1", counts) == pytest.approx(expected, abs=0.02)
    assert reused.expected.share("B1", np.ones(len(counts))) < expected - 0.03
    assert effective_size(reused.joined_by(new).counts(target)) > effective_size(counts) + 1000


def test_a_calibration_that_was_stopped_goes_on_to_the_same_bits(monkeypatch, tmp_path):
    library = one_arm(monkeypatch, Library.default())
    followed = []

    def counted(benchmarks, cohort, system, **named):
        followed.append(len(cohort))
        return expected_outcomes(benchmarks, cohort, system, **named)

    monkeypatch.setattr("gvlab.calibration.kept_outcomes.expected_outcomes", counted)
    whole = calibrate_patients(PopulationRequest(**SMALL, recalibrations=3), library=library)
    assert len(followed) == 4
    followed.clear()
    request = PopulationRequest(**SMALL, recalibrations=3, checkpoints=tmp_path / "kept")

    class StoppedError(Exception):
        pass

    def stop(where):
        if where.stage.startswith("Calibrations") and where.done == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        calibrate_patients(request, library=library, progress=stop)
    gone_on = calibrate_patients(request, library=library)
    # Nobody was followed twice, and the answer is that of the unbroken run.
    assert len(followed) == 4
    assert gone_on.data["population.json"] == whole.data["population.json"]
    # With another seed it begins anew beside what is kept.
    other = calibrate_patients(request.replace(seed=4, recalibrations=0), library=library)
    assert len(followed) == 5
    assert other.data["population.json"] != whole.data["population.json"]


def test_a_damaged_checkpoint_says_so(monkeypatch, tmp_path):
    library = one_arm(monkeypatch, Library.default())
    request = PopulationRequest(**SMALL, checkpoints=tmp_path)
    calibrate_patients(request, library=library)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"PK")
    with pytest.raises(LibraryError, match=r"patients-\w+\.npz.*Delete it to begin anew"):
        calibrate_patients(request, library=library)


def test_no_patient_is_worth_more_than_a_share_of_all():
    rng = np.random.default_rng(3)
    expected = outcomes(B1=rng.random(500) ** 8)
    rows = [row(value=0.9, n=5000)]
    assert weigh(expected, rows).largest > 0.02
    fit = weigh_within(expected, rows, 0.02)
    assert fit.largest <= 0.02
    assert fit.strength < 1


def test_few_patients_may_each_be_worth_five_of_equal_weight():
    """One percent of all is less than each of 64 is worth; benchmarks would pull nobody."""
    expected = outcomes(B1=np.linspace(0, 1, 64))
    fit = weigh_within(expected, [row(value=0.3, n=200)])
    assert expected.share("B1", fit.weights) < 0.45
    assert fit.largest <= 5 / 64
