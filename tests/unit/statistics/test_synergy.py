from __future__ import annotations

import numpy as np
import pytest

from gvlab import statistics
from gvlab.errors import InvalidValueError, UnknownNameError

A, B = np.array([0.0, 1.0, 3.0, 10.0, 30.0]), np.array([0.0, 2.0, 6.0, 20.0, 60.0])


def hill(dose, half, slope=1.0, top=1.0):
    return top * dose**slope / (half**slope + dose**slope)


def rng() -> np.random.Generator:
    return np.random.default_rng(12)


def test_independent_agents_have_no_excess_over_bliss():
    a, b = hill(A, 5)[:, None], hill(B, 10)[None, :]
    result = statistics.synergy(A, B, a + b - a * b, rng())
    assert np.abs(result.table["excess"]).max() < 1e-12
    assert result.mean_excess == pytest.approx(0, abs=1e-12)


def test_an_agent_with_itself_has_no_excess_over_loewe():
    effect = hill(A[:, None] + B[None, :] / 2, 5, slope=2.0)
    result = statistics.synergy(A, B, effect, rng(), reference="loewe")
    assert np.abs(result.table["excess"]).max() < 1e-5
    assert result.table["combination_index"].to_numpy() == pytest.approx(np.ones(16), rel=1e-3)
    # Bliss, by contrast, sees synergy of an agent with itself where its curve is steep.
    assert statistics.synergy(A, B, effect, rng()).table["excess"].max() > 0.1


def test_loewes_equation_holds_at_its_solution():
    curve_a, curve_b = statistics.HillCurve(0.9, 4.0, 1.3), statistics.HillCurve(0.6, 15.0, 2.0)
    at_a, at_b = np.meshgrid(A[1:], B[1:])
    effect = statistics.loewe_effect(at_a, at_b, curve_a, curve_b)
    assert (at_a / curve_a.dose_for(effect) + at_b / curve_b.dose_for(effect)) == pytest.approx(1.0, abs=1e-9)
    assert (effect >= np.maximum(curve_a(at_a), curve_b(at_b))).all()


def test_highest_single_agent_expects_the_better_of_the_two():
    effect = np.maximum(hill(A, 5)[:, None], hill(B, 10)[None, :])
    effect[1:, 1:] += 0.05 * (1 - effect[1:, 1:])
    table = statistics.synergy(A, B, effect, rng(), reference="hsa").table
    assert (table["excess"] > 0).all()
    assert table["expected"].iloc[0] == pytest.approx(max(hill(1.0, 5), hill(2.0, 10)))


def test_loewe_of_an_inert_partner_is_the_agent_alone():
    effect = np.broadcast_to(hill(A, 5, top=0.8)[:, None], (5, 5))
    table = statistics.synergy(A, B, effect, rng(), reference="loewe").table
    assert np.abs(table["excess"]).max() < 1e-6


def test_an_effect_out_of_reach_of_either_alone_has_index_zero():
    effect = np.maximum(hill(A, 5, top=0.4)[:, None], hill(B, 10, top=0.4)[None, :])
    effect[1:, 1:] = 0.9
    table = statistics.synergy(A, B, effect, rng(), reference="loewe").table
    assert (table["combination_index"] == 0).all()
    assert (table["excess"] > 0.4).all()


def test_the_interval_covers_the_true_excess():
    truth = 0.15
    generator, covered = rng(), 0
    a, b = hill(A, 5)[:, None], hill(B, 10)[None, :]
    mean = a + b - a * b
    mean = np.clip(mean * 0.7, 0, 1)
    expected = mean[:, :1] + mean[:1, :] - mean[:, :1] * mean[:1, :]
    mean[1:, 1:] = expected[1:, 1:] + truth * (1 - expected[1:, 1:])
    target = (mean - expected)[1:, 1:].mean()
    for _ in range(60):
        effect = np.clip(mean[:, :, None] + generator.normal(0, 0.02, (5, 5, 8)), 0, 1)
        effect[0, 0] = 0
        result = statistics.synergy(A, B, effect, generator, resamples=200)
        covered += result.lower <= target <= result.upper
    assert covered / 60 > 0.82


def test_a_single_replicate_has_no_interval():
    table = statistics.synergy(A, B, np.full((5, 5), 0.3), rng()).table
    assert (table["lower"] == table["excess"]).all()


@pytest.mark.parametrize(
    ("doses", "effect", "words"),
    [
        ([1.0, 2.0], np.zeros((2, 5)), "starts with dose 0"),
        (A, np.zeros((4, 5)), r"shape \(4, 5\).*it is \(5, 5\)"),
        (A, np.full((5, 5), 40.0), "from 40 to 40. Scale them"),
        (A, np.full((5, 5), np.nan), "no replicate that was read"),
        (A, np.full((5, 5), np.inf), "fractions from 0"),
    ],
)
def test_unusable_grids_are_refused_in_words(doses, effect, words):
    with pytest.raises(InvalidValueError, match=words):
        statistics.synergy(doses, B, effect, rng())


def test_an_unknown_reference_is_refused():
    with pytest.raises(UnknownNameError, match='Did you mean "bliss"'):
        statistics.synergy(A, B, np.zeros((5, 5)), rng(), reference="blis")  # type: ignore[arg-type]


def test_what_is_counted_without_either_agent_is_no_effect_of_theirs():
    doses = np.array([0, 0.25, 0.5, 1, 2, 4.0])
    alone_a, alone_b = 0.7 * doses / (1 + doses), 0.6 * doses**2 / (0.25 + doses**2)
    independent = 1 - (1 - 0.2) * (1 - alone_a[:, None]) * (1 - alone_b[None, :])
    rng = np.random.default_rng(1)
    np.testing.assert_allclose(statistics.synergy(doses, doses, independent, rng).table["excess"], 0, atol=1e-12)
    at_a, at_b = np.meshgrid(doses, doses, indexing="ij")
    one_thing = 0.2 + 0.8 * (at_a + at_b) ** 1.5 / (1 + (at_a + at_b) ** 1.5)
    found = statistics.synergy(doses, doses, one_thing, rng, reference="loewe").table
    np.testing.assert_allclose(found["excess"], 0, atol=1e-3)
    np.testing.assert_allclose(found["combination_index"], 1, atol=5e-3)
