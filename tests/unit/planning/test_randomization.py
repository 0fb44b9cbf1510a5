"""Randomization: balanced, blinded, repeatable."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gvlab.errors import InvalidValueError
from gvlab.planning.randomization import animals_alone, randomize
from gvlab.planning.rounding import rounded_table


def crosstab(sizes, seed=3, **options) -> pd.DataFrame:
    return randomize(sizes, seed, **options).table.groupby("cage")["arm"].value_counts().unstack(fill_value=0)


def test_blocks_of_like_animals_hold_the_arms_evenly():
    table = randomize({"a": 7, "b": 7, "c": 7}, seed=3).table
    counts = table.groupby("block")["arm"].value_counts().unstack(fill_value=0)
    assert ((counts.max(axis=1) - counts.min(axis=1)) <= 1).all()
    assert table["block"].is_monotonic_increasing


def test_arms_get_the_mice_they_were_promised():
    table = randomize({"a": 4, "b": 9}, seed=3).table
    assert table["arm"].value_counts().to_dict() == {"a": 4, "b": 9}
    assert table["animal"].is_unique
    assert table["code"].is_unique


def test_the_bench_list_tells_no_arm_and_the_key_follows_no_order():
    allocation = randomize({"treated": 30, "control": 30}, seed=3)
    assert "arm" not in allocation.blinded
    assert not any("treated" in str(cell) for cell in allocation.blinded.to_numpy().ravel())
    firsts = {arm: set(rows["code"].str[0]) for arm, rows in allocation.key.groupby("arm")}
    assert len(firsts["treated"] & firsts["control"]) > 5


def test_a_seed_gives_its_list_and_another_seed_another():
    one, same, other = (randomize({"a": 10, "b": 10}, seed=seed).table for seed in (1, 1, 2))
    assert one.equals(same)
    assert not one["arm"].equals(other["arm"])


def test_each_place_is_equally_likely_for_each_arm():
    first = [randomize({"a": 2, "b": 2}, seed=seed).table["arm"][0] for seed in range(120)]
    assert 38 < first.count("a") < 82


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"a": 3, "b": 0}, 'Arm "b" has 0 animals'),
        ({"a": 2.5}, 'Arm "a" has 2.5 animals; it takes a whole number, 1 or more'),
        ({"a": -1}, 'Arm "a" has -1 animals'),
        ({"a": float("nan")}, "has nan animals"),
        ({}, "no arm to allot animals to"),
    ],
)
def test_arms_that_cannot_be_filled_are_refused(sizes, words):
    with pytest.raises(InvalidValueError, match=words):
        randomize(sizes, seed=1)


@pytest.mark.parametrize("seed", range(5))
def test_unequal_arms_are_in_proportion_in_cages_and_blocks(seed):
    table = randomize({"control": 12, "b": 6, "c": 6}, seed, cage_size=4).table
    for _, cage in table.groupby("cage"):
        assert cage["arm"].value_counts().to_dict() == {"control": 2, "b": 1, "c": 1}
    late = table.iloc[-6:]["arm"]  # the heaviest animals are of all arms
    assert late.nunique() == 3


@pytest.mark.parametrize(
    ("sizes", "cage_size"),
    [
        (dict.fromkeys("abcd", 9), 5),
        (dict.fromkeys("ab", 4), 5),
        (dict.fromkeys("abcdef", 3), 4),
        ({"a": 4, "b": 9}, 5),
        (dict.fromkeys("abcd", 30), 5),
        (dict.fromkeys("abcd", 4), 4),
    ],
)
def test_every_cage_holds_every_arm_that_has_room_in_it(sizes, cage_size):
    for seed in range(3):
        held = crosstab(sizes, seed, cage_size=cage_size)
        expected = np.outer(held.sum(axis=1), [sizes[arm] for arm in held.columns]) / sum(sizes.values())
        assert (held >= np.floor(expected + 1e-9)).all(axis=None)
        assert (held <= np.ceil(expected - 1e-9)).all(axis=None)
        assert held.sum(axis=1).between(2, cage_size).all()


def test_a_cage_is_a_sample_of_all_weights():
    table = randomize(dict.fromkeys("abcd", 10), 3, cage_size=4).table
    weight = pd.Series(range(40))
    assert weight.groupby(table["cage"]).mean().between(14, 25).all()
    assert (weight.groupby(table["cage"]).agg(np.ptp) >= 20).all()
    assert weight.groupby(table["arm"]).mean().between(15, 24).all()


def test_strata_share_no_cage_and_hold_the_arms_in_proportion():
    table = randomize({"a": 10, "b": 10, "c": 5}, 3, cage_size=4, strata={"female": 2, "male": 1}).table
    assert (table.groupby("cage")["stratum"].nunique() == 1).all()
    counts = table.groupby("stratum")["arm"].value_counts().unstack()
    assert counts.sum(axis=1).to_dict() in ({"female": 17, "male": 8}, {"female": 16, "male": 9})
    assert counts["a"].to_dict() in ({"female": 7, "male": 3}, {"female": 6, "male": 4})
    with pytest.raises(InvalidValueError, match='Stratum "x" has the share nan'):
        randomize({"a": 4}, 1, strata={"x": float("nan")})


def test_whole_cages_hold_one_arm():
    held = crosstab({"a": 20, "b": 15}, cage_size=5, whole_cages=True)
    assert ((held > 0).sum(axis=1) == 1).all()
    assert (held > 0).sum().to_dict() == {"a": 4, "b": 3}
    orders = {
        "".join(randomize({"a": 10, "b": 10}, seed, whole_cages=True).table.groupby("cage")["arm"].first())
        for seed in range(30)
    }
    assert len(orders) == 6


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7, 11, 13, 26, 39])
@pytest.mark.parametrize("cage_size", [2, 3, 4, 5])
def test_no_animal_is_alone_and_no_cage_too_full(n, cage_size):
    if cage_size == 2 and n % 2:
        assert animals_alone({"a": n}, cage_size)
        with pytest.raises(InvalidValueError, match="would be alone in its cage"):
            randomize({"a": n}, 1, cage_size=cage_size)
        return
    assert not animals_alone({"a": n}, cage_size)
    cages = randomize({"a": n}, 1, cage_size=cage_size).table.groupby("cage").size()
    assert cages.max() <= cage_size
    assert cages.max() - cages.min() <= 1
    assert cages.min() >= 2


def test_a_table_is_rounded_with_its_margins():
    rng = np.random.default_rng(1)
    for _ in range(20):
        expected = rng.random((7, 4)) * 3
        found = rounded_table(expected, rng)
        for ours, theirs in ((found, expected), *((found.sum(axis=a), expected.sum(axis=a)) for a in (0, 1, None))):
            assert np.all(np.abs(ours - theirs) < 1)


def many_lists(lists: int) -> None:
    """Assert that of many lists none is unbalanced, lonely, or to be guessed from code, cage, block or place."""
    sizes = {"a": 9, "b": 9, "c": 9, "d": 9}
    places, ranks = np.zeros((36, 4)), np.zeros(4)
    for seed in range(lists):
        table = randomize(sizes, seed, cage_size=5).table
        held = table.groupby("cage")["arm"].value_counts().unstack(fill_value=0)
        assert held.to_numpy().min() >= 1
        assert held.sum(axis=1).min() >= 4
        arm = table["arm"].map(ord).to_numpy() - ord("a")
        places[np.arange(36), arm] += 1
        ranks += [np.argsort(np.argsort(table["code"]))[arm == each].mean() for each in range(4)]
    # Whoever guesses an arm by its place is right in a quarter; codes are of no order.
    chance = 0.25 + 4.5 * np.sqrt(0.25 * 0.75 / lists)
    assert places.max() / lists < chance
    assert np.abs(ranks / lists - 17.5).max() < 4.5 * 3.2 / np.sqrt(lists)


def test_lists_are_balanced_and_nobody_can_guess_them():
    many_lists(40)


@pytest.mark.nightly
def test_four_thousand_lists_are_balanced_and_nobody_can_guess_them():
    many_lists(4000)


@pytest.mark.parametrize(("animals", "letters"), [(300, 3), (400, 4)])
def test_a_code_that_is_misread_is_hardly_that_of_another_animal(animals, letters):
    """Of 19 letters: three make 6,859 codes, which are 20 for each of 342 animals."""
    codes = randomize({"A": animals // 2, "B": animals // 2}, 1).table["code"]
    assert set(codes.str.len()) == {letters}
    assert codes.is_unique
