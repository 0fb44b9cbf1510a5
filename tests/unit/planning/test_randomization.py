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


def test_an_arm_without_mice_is_refused():
    with pytest.raises(InvalidValueError, match='Arm "b" has 0 animals'):
        randomize({"a": 3, "b": 0}, seed=1)
