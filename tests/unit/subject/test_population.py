import numpy as np
import pytest
import yaml
from scipy import stats

from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError
from gvlab.library import Library
from gvlab.library.records import PopulationRecord
from gvlab.model.parameters import ParameterTable
from gvlab.subject import Population

# Drawn with numpy 2.4 and scipy 1.17 on Linux x86-64; seed 2018, subjects 0 to 2.
EXPECTED = {
    "CL_house": [1.4125359626521152, 2.579192892095317, 3.172950841259303],
    "body_mass": [0.01642079815311199, 0.020677983136237577, 0.01883614351523834],
    "theta_death_house": [0.35917047146214165, 0.34364376905731475, 0.08907721099001474],
}

pytestmark = pytest.mark.usefixtures("house_library")


@pytest.fixture
def mice():
    return Population.read("house_mice", ParameterTable.default().resolve())


def varied(mice, **names):
    record = {
        "name": "p",
        "title": "P",
        "variability": [
            {"parameter": "CL_house", "distribution": "log-normal", "cv": 0.5},
            {"parameter": "V_house", "distribution": "log-normal", "cv": 0.3},
        ],
    }
    return Population(PopulationRecord.model_validate({**record, **names}), mice.table)


def test_the_same_seed_gives_the_same_cohort(mice):
    assert mice.sample(50, seed=7).sha256 == mice.sample(50, seed=7).sha256
    assert mice.sample(50, seed=7).sha256 != mice.sample(50, seed=8).sha256


@pytest.mark.parametrize("n", [1, 2, 3, 17, 64, 65])
def test_a_subject_is_the_same_whatever_the_size_of_the_cohort(mice, n):
    large, small = mice.sample(100, seed=7), mice.sample(n, seed=7)
    for name, values in small.columns.items():
        assert np.array_equal(values, large.columns[name][:n])


def test_a_cohort_drawn_on_another_machine_is_the_same_to_1e_12(mice):
    cohort = mice.sample(3, seed=2018)
    assert cohort.columns["CL_house"] == pytest.approx(EXPECTED["CL_house"], rel=1e-12)
    assert cohort.columns["body_mass"] == pytest.approx(EXPECTED["body_mass"], rel=1e-12)
    assert cohort.columns["theta_death_house"] == pytest.approx(EXPECTED["theta_death_house"], rel=1e-12)


def test_parameters_have_the_distribution_of_the_record(mice):
    cohort = mice.sample(4096, seed=1)
    clearance, mass = cohort.columns["CL_house"], cohort.columns["body_mass"]
    assert np.median(clearance) == pytest.approx(2.0, rel=0.01)
    assert np.log(clearance).std() == pytest.approx(np.sqrt(np.log(1.25)), rel=0.01)
    assert mass.mean() == pytest.approx(0.02, rel=0.001)
    assert mass.std() == pytest.approx(0.002, rel=0.02)


def test_fates_are_exponential_and_independent_of_parameters(mice):
    cohort = mice.sample(4096, seed=1)
    fate = cohort.columns["theta_death_house"]
    assert fate.mean() == pytest.approx(1.0, abs=5 / 64)
    assert np.mean(fate > 1) == pytest.approx(np.exp(-1), abs=0.03)
    assert abs(np.corrcoef(fate, cohort.columns["CL_house"])[0, 1]) < 0.06


def test_uniform_fates_lie_between_zero_and_one(mice):
    population = varied(mice, fates=[{"parameter": "f_oral_house", "distribution": "uniform"}])
    values = population.sample(1000, seed=1).columns["f_oral_house"]
    assert 0 <= values.min() < 0.01
    assert 0.99 < values.max() <= 1
    assert values.mean() == pytest.approx(0.5, abs=0.03)


def test_a_further_fate_changes_no_other(mice):
    fates = [{"parameter": "theta_death_house", "distribution": "exponential"}]
    more = [{"parameter": "f_oral_house", "distribution": "uniform"}, *fates]
    one, other = varied(mice, fates=fates).sample(10, seed=1), varied(mice, fates=more).sample(10, seed=1)
    assert np.array_equal(one.columns["theta_death_house"], other.columns["theta_death_house"])


def test_correlations_are_those_of_the_record(mice):
    population = varied(mice, correlations=[{"parameters": ["CL_house", "V_house"], "value": 0.8}])
    columns = population.sample(4096, seed=1).columns
    found = np.corrcoef(np.log(columns["CL_house"]), np.log(columns["V_house"]))[0, 1]
    # Truncation at the bounds of the table takes a little of it away.
    assert found == pytest.approx(0.8, abs=0.02)
    assert np.median(columns["V_house"]) == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize("n", [0, -1, 2.5, True])
def test_a_cohort_has_at_least_one_subject(mice, n):
    with pytest.raises(InvalidValueError, match="whole number above zero"):
        mice.sample(n, seed=1)


@pytest.mark.parametrize("seed", [-1, 1.5, None])
def test_a_seed_is_a_whole_number(mice, seed):
    with pytest.raises(InvalidValueError, match="The seed is"):
        mice.sample(1, seed=seed)


def test_a_population_that_varies_what_is_not_there_is_refused(mice):
    with pytest.raises(UnknownNameError, match='Did you mean "CL_house"'):
        varied(mice, variability=[{"parameter": "CL_hous", "distribution": "log-normal", "cv": 0.5}])


RECORD = """name: weighed
title: Weighed
variability:
- {parameter: CL_house, distribution: log-normal, cv: 0.5}
- {parameter: body_mass, distribution: normal, sd: 0.002}
fates:
- {parameter: theta_death_house, distribution: exponential}
"""


def read_weighed(folder):
    return Population.read("weighed", ParameterTable.default().resolve(), Library([folder, *Library.default().own]))


@pytest.fixture
def weighed(house_library, tmp_path):
    """Return a function that writes a population whose 64 drawn subjects have weights, and reads it."""

    def write(weights, distributions=None):
        folder = tmp_path / "populations"
        folder.mkdir(exist_ok=True)
        record = PopulationRecord.model_validate(yaml.safe_load(RECORD))
        of = distributions or record.distributions
        (folder / "weighed.yaml").write_text(RECORD + f"weighed: {{seed: 3, distributions: '{of}'}}\n")
        lines = [f"{subject}\t{weight:g}" for subject, weight in weights.items()]
        (folder / "weighed.weights.tsv").write_text("\n".join(["subject\tweight", *lines]) + "\n")
        return Population.read(
            "weighed", ParameterTable.default().resolve(), Library([tmp_path, *Library.default().own])
        )

    return write


def test_subjects_are_drawn_as_often_as_their_weights_say(weighed):
    population = weighed({0: 1.0, 5: 2.0, 9: 0.0, 7: 5.0})
    of_draw = Population(population.record, population.table).sample(64, 3).column("CL_house")
    drawn = population.sample(1024, 8).column("CL_house")
    assert [int((drawn == of_draw[subject]).sum()) for subject in (0, 5, 7)] == [128, 256, 640]
    # A choice of a power of two is a systematic sample, whatever the seed; others differ by one at most.
    assert abs(int((population.sample(100, 1).column("CL_house") == of_draw[7]).sum()) - 62.5) < 4


def test_a_subject_chosen_by_weight_is_the_same_whatever_the_size_of_the_cohort(weighed):
    population = weighed({subject: 1.0 + subject for subject in range(50)})
    large = population.sample(100, 7)
    for n in (1, 2, 3, 17, 64):
        for name, values in population.sample(n, 7).columns.items():
            assert np.array_equal(values, large.columns[name][:n])


def test_who_is_chosen_twice_has_fates_of_its_own(weighed):
    fates = weighed({4: 1.0}).sample(200, 7).columns["theta_death_house"]
    assert len(np.unique(fates)) == 200
    assert fates.mean() == pytest.approx(1.0, abs=5 / np.sqrt(200))


def test_weights_that_cannot_be_are_refused(weighed, tmp_path):
    with pytest.raises(LibraryError, match=r'is of the distributions "other".*gvlab population calibrate'):
        weighed({0: 1.0}, distributions="other")
    with pytest.raises(LibraryError, match="no subject has a weight above 0"):
        weighed({0: 0.0, 3: 0.0})
    for weight in (-1.0, np.nan, np.inf):
        with pytest.raises(LibraryError, match=r"weighed.weights.tsv, line 3"):
            weighed({0: 1.0, 1: weight})
    (tmp_path / "populations" / "weighed.weights.tsv").write_text("subject\tweight\n3\t1\n3\t2\n")
    with pytest.raises(LibraryError, match="subject 3 stands there twice"):
        read_weighed(tmp_path)
    (tmp_path / "populations" / "weighed.weights.tsv").unlink()
    with pytest.raises(LibraryError, match="is missing"):
        read_weighed(tmp_path)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (["CL_house", "V_hous"], r'correlation of "CL_house" and "V_hous" has no joint.*Did you mean "V_house"'),
        (["CL_house", "theta_death_house"], r'"theta_death_house" is not varied\..*remove the correlation'),
        (["CL_house", "CL_house"], r"is of one with itself, or stands twice"),
    ],
)
def test_a_correlation_without_a_joint_distribution_is_refused_and_names_the_pair(mice, pair, words):
    with pytest.raises(ValueError, match=words):
        varied(mice, correlations=[{"parameters": pair, "value": 0.5}])


def test_a_correlation_stands_once(mice):
    twice = [{"parameters": pair, "value": 0.5} for pair in (["CL_house", "V_house"], ["V_house", "CL_house"])]
    with pytest.raises(ValueError, match="stands twice"):
        varied(mice, correlations=twice)


def test_the_density_of_correlated_subjects_agrees_with_scipy(mice):
    of = [{"parameters": ["CL_house", "V_house"], "value": 0.6, "source": "", "verification": "assumed"}]
    population = varied(mice, correlations=of)
    cohort = population.sample(20, seed=1)
    logs = np.log(np.stack([cohort.column("CL_house"), cohort.column("V_house")], axis=1))
    sd = np.sqrt(np.log1p(np.array([0.5, 0.3]) ** 2))
    center = np.log([mice.table.value("CL_house"), mice.table.value("V_house")])
    covariance = np.outer(sd, sd) * [[1, 0.6], [0.6, 1]]
    expected = stats.multivariate_normal(center, covariance).logpdf(logs) - logs.sum(axis=1)
    assert population.log_density(cohort) == pytest.approx(expected, rel=1e-9)


def test_subjects_of_one_population_stand_for_those_of_another_by_their_densities(mice):
    """Weighed by the ratio, the mean of one population is that of the other; the ratio is 1 on average."""
    one = varied(mice)
    of = [{"parameters": ["CL_house", "V_house"], "value": -0.5, "source": "", "verification": "assumed"}]
    moved = [
        {"parameter": "CL_house", "distribution": "log-normal", "cv": 0.4, "value": 2.4},
        {"parameter": "V_house", "distribution": "log-normal", "cv": 0.3},
    ]
    other = varied(mice, variability=moved, correlations=of)
    cohort = one.sample(2**15, seed=1)
    ratio = np.exp(other.log_density(cohort) - one.log_density(cohort))
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)
    x = np.log([cohort.column("CL_house"), cohort.column("V_house")])
    assert np.exp(np.average(x[0], weights=ratio)) == pytest.approx(2.4, rel=0.01)
    spread = np.cov(x, aweights=ratio)
    assert spread[0, 1] / np.sqrt(spread[0, 0] * spread[1, 1]) == pytest.approx(-0.5, abs=0.02)


def test_the_density_of_correlated_kinds_is_refused(mice):
    kinds = [
        {"parameter": "CL_house", "distribution": "categorical", "values": [1.0, 2.0], "shares": [0.5, 0.5]},
        {"parameter": "V_house", "distribution": "log-normal", "cv": 0.3},
    ]
    of = [{"parameters": ["CL_house", "V_house"], "value": 0.5, "source": "", "verification": "assumed"}]
    population = varied(mice, variability=kinds, correlations=of)
    with pytest.raises(InvalidValueError, match='"CL_house" of population "p" has kinds'):
        population.log_density(population.sample(8, seed=1))
