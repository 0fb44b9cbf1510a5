"""Moves of members: a Kalman step solves the linear problem, and the others change what their names say, and no more.

Axes 0 and 1 belong to both systems, axis 2 to the second one. Margins are straight lines of the normal scores s.
"""

import numpy as np
import pytest

from gvlab.calibration import moves
from gvlab.calibration.margins import Margins
from gvlab.calibration.members import Members


class Linear(Margins):
    """Two margins, both of the first system: s0 - 0.5 and s1 - s0 + 1; nothing is asked of the second system."""

    def __init__(self, of_power=False, shift=0.5):
        self.systems = ("one", "two")
        self.least, self.scale = np.zeros(2), np.full(2, 0.1)
        self.of_power, self.system_of = np.array([False, of_power]), np.array([0, 0])
        self.holds = np.array([[True, True], [True, True], [False, True]])
        self.shift = shift

    def of(self, points):
        scores = moves.normal(points)
        return np.stack([scores[:, 0] - self.shift, scores[:, 1] - scores[:, 0] + 1], axis=1)


def members(margins, points, tried=None, tried_margins=None):
    n = len(points)
    tried = np.zeros((0, points.shape[1])) if tried is None else tried
    asked = margins.of(tried) if tried_margins is None else tried_margins
    seen = margins.of(points)
    return Members(
        points, points, seen, np.maximum(-seen, 0), np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64), tried, asked,
        np.zeros(len(tried), dtype=bool),
    )  # fmt: skip


@pytest.fixture
def crowd():
    return np.random.default_rng(1).random((4000, 3))


def step(margins, crowd, *scores, noise=1e-12, **about):
    """Return the scores to which members at given scores are led, with a crowd from which covariances are known."""
    points = moves.cube(np.array(scores, dtype=float))
    who = members(margins, points, crowd)
    rows, about = np.arange(len(points)), {"latest": len(crowd), **about}
    return moves.normal(moves.kalman(who, margins, rows, np.random.default_rng(2), noise=noise, **about))


def test_a_step_of_the_linear_problem_leads_to_what_is_asked(crowd):
    """The second margin is far from its bound here, so the first is all that is asked: s0 = 0.5."""
    led = step(Linear(), crowd, (-0.5, 1.5, 0.3), (0.4, 1.5, 0.3), (-0.6, 2.0, -1.0))
    assert led[:, 0] == pytest.approx([0.5, 0.5, 0.5], abs=0.02)
    assert led[:, 1] == pytest.approx([1.5, 1.5, 2.0], abs=0.05)  # by chance alone it goes along
    assert led[:, 2] == pytest.approx([0.3, 0.3, -1.0], abs=1e-9)  # not an axis of that system
    half = step(Linear(), crowd, (-0.5, 1.5, 0.3), length=0.5)
    assert half[0, 0] == pytest.approx(0.0, abs=0.02)


def test_what_is_met_is_left_alone(crowd):
    for scores in ((0.6, 1.5, 0.0), (0.8, 1.5, 0.0), (2.0, 1.5, 0.0)):
        assert step(Linear(), crowd, scores)[0] == pytest.approx(scores, abs=1e-6)


def test_steps_are_no_longer_than_they_may_be_and_end_within_the_prior(crowd):
    led = step(Linear(), crowd, (-2.0, 1.5, 0.0))
    assert led[0, 0] == pytest.approx(-0.8, abs=1e-6)  # 1.2 on the axis that goes farthest
    led = step(Linear(shift=9.0), crowd, (2.5, 3.0, 0.0))
    assert led[0, 0] == pytest.approx(3.0, abs=1e-6)


@pytest.mark.parametrize(("of_power", "near", "far"), [(False, 0.15, 0.25), (True, 0.65, 0.75)])
def test_a_margin_near_its_bound_holds_a_step_back_and_one_beyond_does_not(crowd, of_power, near, far):
    """To raise s0 by 1 lowers the second margin by 1; where that is near its bound, s1 has to follow."""
    for spare, follows in ((near, True), (far, False)):
        led = step(Linear(of_power), crowd, (-0.5, -1.5 + spare, 0.0))
        assert led[0, 0] == pytest.approx(0.5, abs=0.03)
        assert led[0, 1] == pytest.approx(-1.5 + spare + follows, abs=0.05)


def test_what_is_asked_is_perturbed_by_the_noise(crowd):
    """A variance of 4 in squares of a scale of 0.1 is 0.04; of a margin whose variance is 1, a step takes 1 of 1.04."""
    led = step(Linear(), crowd, *[(0.0, 1.5, 0.0)] * 1000, noise=4.0)[:, 0]
    assert led.std() == pytest.approx(0.2 / 1.04, rel=0.1)
    assert led.mean() == pytest.approx(0.5 / 1.04, abs=0.02)


def test_covariances_are_of_what_was_tried_last_and_wholly(crowd):
    """Of what was tried first the margins were the reverse, and of what was tried in between one margin is unknown."""
    margins = Linear()
    asked = margins.of(crowd)
    asked[:1000] *= -1
    asked[1000:2000, 1] = np.nan
    who = members(margins, moves.cube(np.array([[-0.5, 1.5, 0.0]])), crowd, asked)
    rows = np.arange(1)

    def led(**about):
        to = moves.kalman(who, margins, rows, np.random.default_rng(2), noise=1e-12, **about)
        return moves.normal(to)[0, 0]

    assert led(latest=2000) == pytest.approx(0.5, abs=0.03)
    assert led(latest=1500) == pytest.approx(0.5, abs=0.03)
    assert abs(led(latest=9000) - 0.5) > 0.2  # those of the first are among them then


def test_points_stay_off_the_walls_of_the_cube():
    assert moves.cube(np.array([-9.0, 0.0, 9.0])) == pytest.approx([1e-4, 0.5, 1 - 1e-4])
    assert moves.normal(np.array([0.0, 0.5, 1.0])) == pytest.approx([-3.719, 0, 3.719], abs=1e-3)
    assert moves.reflect(np.array([-1e-9, 1 + 1e-9, 2.0])) == pytest.approx([1e-4, 1 - 1e-4, 1e-4])


def apart(axes=10, n=400):
    """Members in the middle, but for the last two, who lie 0.4 apart on every axis."""
    points = np.full((n, axes), 0.5)
    points[-2:] = [[0.3] * axes, [0.7] * axes]
    nothing = np.zeros((0, axes))
    about = np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64), nothing, np.zeros((0, 2)), np.zeros(0, dtype=bool)
    return Members(np.full((n, axes), 0.2), points, np.zeros((n, 2)), np.zeros((n, 2)), *about)


def test_a_jump_goes_along_the_difference_of_two_others():
    who = apart()
    rows = np.arange(300)
    to = moves.jump(who, np.array([398, 399]), rows, np.random.default_rng(3))
    way = to.points - 0.5
    moved = way != 0
    assert moved.any(axis=1).all()
    assert not moved.all(axis=1).all()
    # Every axis of a jump goes the same part of the way, to one side or the other, but for a little noise.
    parts = np.array([way[row][moved[row]].mean() / 0.4 for row in range(300)])
    assert (np.abs(parts) > 0.1).all()
    assert (np.abs(parts) < 1.0).all()
    assert 0.3 < (parts > 0).mean() < 0.7
    within = [way[row][moved[row]].std() for row in range(300) if moved[row].sum() > 4]
    assert np.mean(within) < 0.03
    assert to.rows is rows
    assert to.parts is None


def test_what_is_drawn_anew_is_of_the_whole_prior():
    who = apart()
    to = moves.anew(who, np.arange(300), np.random.default_rng(4)).points
    moved = to != 0.5
    assert set(moved.sum(axis=1)) == {1, 2, 3, 5, 8}
    drawn = to[moved]
    assert drawn.mean() == pytest.approx(0.5, abs=0.05)
    assert drawn.std() == pytest.approx(12**-0.5, abs=0.03)
    few = moves.anew(apart(axes=2), np.arange(100), np.random.default_rng(4)).points
    assert set((few != 0.5).sum(axis=1)) == {1, 2}


def test_a_member_is_led_by_a_part_of_its_axes(crowd):
    margins = Linear()
    points = moves.cube(np.tile([-0.5, 1.5, 0.3], (300, 1)))
    who = members(margins, points, crowd)
    to = moves.of_own(who, margins, np.arange(300), np.random.default_rng(5)).points
    moved = to != points
    assert not moved[:, 2].any()
    assert 0.3 < moved[:, 0].mean() < 0.9
    assert (moves.normal(to)[moved[:, 0], 0] > -0.5).mean() > 0.9


@pytest.mark.parametrize("lacking", [True, False])
def test_axes_of_systems_move_where_something_is_missing(lacking):
    """Of members to whom something is missing, systems that have all they need are mostly left alone."""
    who = apart()
    who.missing[:, 1] = 0.5 if lacking else 0.0
    own = [np.array([0, 1]), np.array([2, 3, 4]), np.array([], dtype=np.intp)]
    who = Members(**{**vars(who), "missing": np.column_stack([who.missing, np.zeros(400)])})
    to = moves.of_systems(who, own, np.array([398, 399]), np.arange(300), np.random.default_rng(6))
    moved = to.points != 0.5
    assert not moved[:, 5:].any()
    assert to.parts[:, 1].all()
    assert not to.parts[:, 2].any()  # has no axis of its own
    assert to.parts[:, 0].mean() == pytest.approx(1.0) if not lacking else to.parts[:, 0].mean() < 0.5
    for system, axes in enumerate(own[:2]):
        np.testing.assert_array_equal(moved[:, axes].any(axis=1), to.parts[:, system])
    assert 0.3 < moved[:, 2:5].mean() < 0.9
    # A jump goes the same part of the way on all axes of a system, and no farther than the two others lie apart.
    way = to.points[:, 2:5] - 0.5
    several = moved[:, 2:5].all(axis=1)
    jumps = way[several & (np.ptp(way, axis=1) < 0.1)]
    assert 0.5 < len(jumps) / several.sum() < 0.95
    assert np.abs(jumps.mean(axis=1)).min() > 0.05
    assert np.abs(jumps.mean(axis=1)).max() < 0.45


def test_some_of_the_proposals():
    parts = np.array([[True, False], [False, False], [True, True]])
    proposal = moves.Proposal(np.array([4, 5, 6]), np.arange(9.0).reshape(3, 3), parts)
    some = proposal.some(np.array([True, True, False]))
    assert some.rows.tolist() == [4]  # the second proposes nothing
    assert some.points.tolist() == [[0, 1, 2]]
    assert some.parts.tolist() == [[True, False]]
    whole = moves.Proposal(np.array([4, 5, 6]), np.arange(9.0).reshape(3, 3)).some(np.array([False, True, True]))
    assert (whole.rows.tolist(), whole.parts) == ([5, 6], None)
