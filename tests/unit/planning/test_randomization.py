"""Randomization: balanced, blinded, repeatable."""

from __future__ import annotations

import pytest

from gvlab.errors import InvalidValueError
from gvlab.planning.randomization import randomize


def test_every_block_holds_each_arm_once():
    table = randomize({"a": 7, "b": 7, "c": 7}, seed=3).table
    assert (table.groupby("block")["arm"].nunique() == 3).all()
    assert (table.groupby("block").size() == 3).all()


def test_arms_get_the_mice_they_were_promised():
    table = randomize({"a": 4, "b": 9}, seed=3).table
    assert table["arm"].value_counts().to_dict() == {"a": 4, "b": 9}
    assert table["animal"].is_unique
    assert table["code"].is_unique


def test_cages_are_full_and_hold_the_arms_evenly():
    table = randomize({"a": 20, "b": 20}, seed=3, cage_size=5).table
    assert (table.groupby("cage").size() == 5).all()
    shares = table.groupby("cage")["arm"].apply(lambda arms: (arms == "a").sum())
    assert shares.between(2, 3).all()


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
    first = [randomize({"a": 2, "b": 2}, seed=seed).table["arm"][0] for seed in range(1000)]
    assert 440 < first.count("a") < 560


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


@pytest.mark.parametrize("seed", range(20))
def test_unequal_arms_are_spread_over_all_animals(seed):
    table = randomize({"control": 12, "b": 6, "c": 6}, seed, cage_size=4).table
    for _, block in table.groupby("block"):
        assert block["arm"].value_counts().to_dict() == {"control": 2, "b": 1, "c": 1}
    for _, cage in table.groupby("cage"):
        assert set(cage["arm"]) == {"control", "b", "c"}
    other = randomize({"a": 4, "b": 9}, seed).table
    shares = other.groupby("block")["arm"].value_counts().unstack()
    assert (shares["a"] == 1).all()
    assert shares["b"].between(2, 3).all()


@pytest.mark.parametrize("n", range(2, 40))
@pytest.mark.parametrize("cage_size", [2, 3, 4, 5])
def test_no_animal_is_alone_and_no_cage_too_full(n, cage_size):
    cages = randomize({"a": n}, 1, cage_size=cage_size).table.groupby("cage").size()
    assert cages.max() <= cage_size
    assert cages.max() - cages.min() <= 1
    if cage_size > 2 or n % 2 == 0:
        assert cages.min() >= 2
