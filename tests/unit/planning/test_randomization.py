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


@pytest.mark.parametrize(
    ("sizes", "about", "words"),
    [
        ({"a": True, "b": 2}, {}, 'Arm "a" has True animals'),
        ({"a": 15_000, "b": 5_001}, {}, "20,001 animals are to be allotted; a list holds at most 20,000"),
        ({"a": 4}, {"cage_size": 0}, "A cage of 0 animals is asked for; a cage holds at least 1"),
        ({"a": 4}, {"seed": -1}, "The seed is -1; it must be a whole number, not negative"),
        ({"a": 4}, {"strata": {"x": 0.0}}, 'Stratum "x" has the share 0; it takes a number above 0'),
        ({"a": 4}, {"strata": {"x": -1.0, "y": 2.0}}, 'Stratum "x" has the share -1'),
        ({"a": 4}, {"strata": {"x": 99.0, "y": 0.01}}, 'No animal falls into stratum "y"; leave it out'),
        ({"a": 3}, {"strata": {"x": 1, "y": 2}}, 'An animal of stratum "x" would be alone in its cage: 1 animals in'),
        ({"a": 1}, {}, "An animal would be alone in its cage: 1 animals in cages of 5"),
    ],
)
def test_what_cannot_be_allotted_is_refused_with_its_value(sizes, about, words):
    with pytest.raises(InvalidValueError, match=words):
        randomize(sizes, **{"seed": 1, **about})


def test_smallest_lists_and_seeds():
    assert randomize({"a": 1}, 0, cage_size=1).table[["animal", "cage"]].to_numpy().tolist() == [["M1", "C01"]]
    assert randomize({"a": np.int64(2)}, 0).table["cage"].tolist() == ["C01", "C01"]


@pytest.mark.parametrize(
    ("n", "cage_size", "first", "last", "cages"),
    [(9, 3, "M1", "M9", 3), (10, 5, "M01", "M10", 2), (100, 5, "M001", "M100", 20), (300, 2, "M001", "M300", 150)],
)
def test_names_sort_as_they_count(n, cage_size, first, last, cages):
    table = randomize({"a": n}, 1, cage_size=cage_size).table
    assert (table["animal"].iloc[0], table["animal"].iloc[-1]) == (first, last)
    digits = max(2, len(str(cages)))
    assert set(table["cage"]) == {f"C{number:0{digits}d}" for number in range(1, cages + 1)}
    assert table["block"].min() == 1


def test_a_cage_holds_five_where_nothing_else_is_said():
    assert randomize({"a": 10}, 1).table["cage"].nunique() == 2
    assert list(randomize({"a": 10}, 1).table.columns) == ["animal", "cage", "block", "code", "arm"]


def test_strata_count_cages_and_blocks_on():
    table = randomize({"a": 8, "b": 8}, 2, cage_size=4, strata={"f": 3, "m": 1}).table
    assert list(table.columns) == ["animal", "stratum", "cage", "block", "code", "arm"]
    assert table["stratum"].tolist() == ["f"] * 12 + ["m"] * 4
    assert table.groupby("stratum")["cage"].unique().map(sorted).to_dict() == {"f": ["C01", "C02", "C03"], "m": ["C04"]}
    blocks = table.groupby("stratum")["block"].agg(["min", "max"])
    assert blocks.loc["f", "min"] == 1
    assert blocks.loc["m", "min"] == blocks.loc["f", "max"] + 1
    assert table.groupby("cage")["arm"].value_counts().unstack().to_numpy().tolist() == [[2, 2]] * 4


@pytest.mark.parametrize(
    ("sizes", "cage_size", "about", "alone"),
    [
        ({"a": 1}, 1, {}, False),  # single housing is meant
        ({"a": 4, "b": 4}, 4, {}, False),
        ({"a": 1, "b": 7}, 4, {}, False),
        ({"a": 1, "b": 7}, 4, {"whole_cages": True}, True),
        ({"a": 5, "b": 8}, 4, {"whole_cages": True}, False),  # 3 and 2
        ({"a": 4}, 5, {"strata": {"f": 1, "m": 1}}, False),
        ({"a": 3}, 5, {"strata": {"f": 1, "m": 1}}, True),  # 1.5 each: one has one
        ({"a": 4, "b": 4}, 5, {"strata": {"f": 1, "m": 1}, "whole_cages": True}, False),
        ({"a": 2, "b": 8}, 5, {"strata": {"f": 1, "m": 1}, "whole_cages": True}, True),
        ({"a": 16}, 2, {"strata": {"f": 0.7, "m": 0.1}}, False),  # 14 and 2, but for rounding
        ({"a": 4}, 2, {"strata": {"f": 0.1, "m": 0.2, "x": 0.3}}, True),  # 0.67: one or none
        ({"a": 12}, 2, {"strata": {"f": 0.1, "m": 0.2, "x": 0.3}}, False),  # 2, 4 and 6, but for rounding
        ({"a": 5}, 2, {}, True),
        ({"a": 200}, 5, {"strata": {"f": 1, "m": 39_999}}, True),  # 0.005 of an animal may be one
        ({"a": 200}, 5, {"strata": {"f": 1.995, "m": 198.005}}, True),
    ],
)
def test_whether_an_animal_could_be_alone(sizes, cage_size, about, alone):
    assert animals_alone(sizes, cage_size, **about) is alone


def test_blocks_are_as_large_as_the_arms_in_their_proportion():
    """Of arms of 8 and 4 a block is of three animals, two of one and one of the other."""
    table = randomize({"a": 8, "b": 4}, 5, cage_size=4).table
    held = table.groupby("block")["arm"].value_counts().unstack(fill_value=0)
    assert held.sum(axis=1).tolist() == [3, 3, 3, 3]
    assert (held["b"] <= 2).all()
    assert held["b"].sum() == 4
    even = randomize({"a": 6, "b": 6}, 5, cage_size=2).table
    held = even.groupby("block")["arm"].value_counts().unstack(fill_value=0)
    assert held.sum(axis=1).tolist() == [2] * 6
