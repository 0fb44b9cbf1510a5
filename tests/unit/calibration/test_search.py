"""The sampler of ensembles, on problems made up so that the right answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from gvlab.calibration import moves
from gvlab.calibration.margins import Margins
from gvlab.calibration.members import Members
from gvlab.calibration.search import Search
from gvlab.calibration.surrogate import Surrogate
from gvlab.errors import LibraryError

SHARED, ONE, OTHER = ("one", "other"), ("one",), ("other",)


class MadeUp(Margins):
    """Asks x0 + x1 at least 1.5 (axes of both systems), x2 at least 0.8 (of one), x3 at most 0.3 (of the other)."""

    systems = ("one", "other")
    least = np.array([0.0, 0.0, 0.0])
    scale = np.full(3, 0.1)
    of_power = np.zeros(3, dtype=bool)
    system_of = np.array([0, 0, 1])
    cost = np.array([0.5, 0.5])
    columns = (None,) * 3

    def __init__(self, members=24):
        held = (SHARED, SHARED, ONE, OTHER, SHARED)
        self.holds = np.array([[system in systems for system in self.systems] for systems in held])
        own = {"one": np.array([2]), "other": np.array([3])}
        self.space = type("Space", (), {"__len__": lambda _: 5, "of_system": lambda _, name: own[name]})()
        recipe = SimpleNamespace(
            seed=3, members=members, draws_each=3, subjects=8, subjects_checked=32, model_dump_json=lambda: "{}"
        )
        self.evaluator = SimpleNamespace(recipe=recipe)
        self.asked = 0

    def follow(self, points, subjects, *, needed=None, known=None, limit=None, order=None):
        self.asked += len(points)
        margins = np.stack([points[:, 0] + points[:, 1] - 1.5, points[:, 2] - 0.8, 0.3 - points[:, 3]], axis=1)
        missing = self.lacking(margins)
        if needed is not None:
            margins = np.where(needed[:, self.system_of], margins, np.nan)
            missing = np.where(needed, missing, known)
        return margins, missing


@pytest.fixture(autouse=True)
def small_surrogates(monkeypatch):
    monkeypatch.setattr("gvlab.calibration.guess.HIDDEN", 16)
    monkeypatch.setattr("gvlab.calibration.guess._LOOKS", 4_000)
    monkeypatch.setattr("gvlab.calibration.search.CANDIDATES", 4)


@pytest.fixture
def search(tmp_path, monkeypatch):
    monkeypatch.setattr("gvlab.calibration.search.fingerprint", lambda evaluator: "made up")
    return Search(MadeUp(), tmp_path, 0)


def led(search, generations):
    for members in search.run():
        if members.generation >= generations:
            return members
    raise AssertionError


def test_every_member_comes_to_what_is_asked_from_its_own_draw_of_the_prior(search):
    members = led(search, 40)
    assert members.plausible.mean() > 0.9
    margins, missing = search.margins.follow(members.points, 32)
    np.testing.assert_allclose(members.margins, margins)
    np.testing.assert_allclose(members.missing, missing)
    assert np.all((members.points > 0) & (members.points < 1))
    assert len(np.unique(members.start, axis=0)) == len(members)


def test_among_what_is_plausible_members_are_uniform(tmp_path, monkeypatch):
    monkeypatch.setattr("gvlab.calibration.search.fingerprint", lambda evaluator: "made up")
    search = Search(MadeUp(members=60), tmp_path, 0)
    led(search, 30)
    search.finishing = True
    seen = [members.points[members.plausible] for members, _ in zip(search.run(), range(400), strict=False)]
    x = np.concatenate(seen[80:])
    # Uniform over a triangle with corners (0.5, 1), (1, 0.5), (1, 1): the mean is 5/6; x2 over 0.8 to 1, x3 to 0.3.
    np.testing.assert_allclose(x.mean(axis=0), [5 / 6, 5 / 6, 0.9, 0.15, 0.5], atol=0.05)
    np.testing.assert_allclose(x[:, 4].std(), np.sqrt(1 / 12), atol=0.05)
    np.testing.assert_allclose(x[:, 0].std(), 0.5 / np.sqrt(18), atol=0.03)


def test_a_search_that_was_stopped_goes_on(search, tmp_path):
    ten = led(search, 10)
    again = Search(MadeUp(), tmp_path, 0)
    assert again.begun
    assert again.members().generation == 10
    np.testing.assert_array_equal(again.members().points, ten.points)
    assert led(again, 12).sets_tried > ten.sets_tried


def test_searches_begin_apart(search, tmp_path):
    other = Search(MadeUp(), tmp_path, 1)
    assert not np.isclose(led(search, 1).start, led(other, 1).start).any()


def test_a_checkpoint_of_another_recipe_is_refused(search, tmp_path):
    members = led(search, 1)
    file = tmp_path / "members.npz"
    members.write(file, "one")
    np.testing.assert_array_equal(Members.read(file, "one").points, members.points)
    with pytest.raises(LibraryError, match="made with another recipe, other bounds or other findings"):
        Members.read(file, "other")
    file.write_bytes(b"half a file")
    with pytest.raises(LibraryError, match="Delete it to begin anew"):
        Members.read(file, "one")


def test_a_damaged_checkpoint_is_a_sentence_with_its_name_whatever_the_damage(search, tmp_path):
    file, good = tmp_path / "members.npz", tmp_path / "good.npz"
    led(search, 1).write(good, "one")
    whole = good.read_bytes()
    damages = [whole[: len(whole) * part // 8] for part in range(8)]
    damages += [whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :] for at in range(30, len(whole), 397)]
    # An archive that says it needs a later program: version 17.0 in its list of contents.
    needed = whole.index(b"PK\x01\x02") + 6
    damages.append(whole[:needed] + bytes([170]) + whole[needed + 1 :])
    refused = []
    for damage in damages:
        file.write_bytes(damage)
        try:
            Members.read(file, "one")
        except LibraryError as error:
            refused.append(str(error))
    assert len(refused) >= 0.8 * len(damages)
    assert all(str(file) in said for said in refused)
    with np.load(good) as content:
        arrays = dict(content)
    for change in ({"changes": arrays["changes"][:-1]}, {"points": arrays["changes"]}, {"about": np.array("[]")}):
        np.savez_compressed(file, **{**arrays, **change})
        with pytest.raises(LibraryError, match=r"members\.npz.* cannot be read: .*Delete it to begin anew"):
            Members.read(file, "one")


def test_a_kalman_step_leads_toward_what_is_asked_and_leaves_other_systems_alone(search):
    members = led(search, 1)
    rows = np.arange(len(members))
    random = np.random.default_rng(1)
    to = moves.kalman(members, search.margins, rows, random, noise=0.01)
    lacking = members.margins[:, 2] < -0.1
    assert np.all(to[lacking, 3] < members.points[lacking, 3])
    met = np.all(members.margins > 0.5, axis=1)
    np.testing.assert_allclose(to[met], members.points[met])


def test_the_walls_reflect():
    np.testing.assert_allclose(moves.reflect(np.array([-0.2, 0.3, 1.1, 2.4])), [0.2, 0.3, 0.9, 0.4])


def test_moves_of_one_system_change_its_own_axes_only(search):
    members = led(search, 5)
    rows = np.arange(len(members))
    own = [np.array([2]), np.array([3])]
    proposal = moves.of_systems(members, own, rows, rows, np.random.default_rng(2))
    changed = proposal.points != members.points
    assert not changed[:, [0, 1, 4]].any()
    np.testing.assert_array_equal(changed[:, [2, 3]], proposal.parts)


def test_a_surrogate_learns_a_curved_function_and_its_gradient():
    random = np.random.default_rng(4)
    x = random.standard_normal((3000, 3)).astype(np.float32)
    y = np.stack([np.sin(x[:, 0]) + x[:, 1], x[:, 2] ** 2 / 4], axis=1).astype(np.float32)
    known = np.ones_like(y)
    known[::2, 1] = 0  # what was not asked must not be learned
    taught = np.where(known > 0, y, 99).astype(np.float32)
    surrogate = Surrogate(3, 2, 32, random)
    surrogate.train(x, taught, known, 60)
    new = random.standard_normal((200, 3)).astype(np.float32)
    guess, passed = surrogate.forward(new)
    truth = np.stack([np.sin(new[:, 0]) + new[:, 1], new[:, 2] ** 2 / 4], axis=1)
    assert np.sqrt(np.mean((guess - truth) ** 2)) < 0.15
    weigh = np.ones_like(guess)
    slope = surrogate.gradient(weigh, passed)
    step = np.float32(1e-2)
    for axis in range(3):
        shift = np.zeros(3, np.float32)
        shift[axis] = step
        rise = (surrogate.guess(new + shift) - surrogate.guess(new - shift)).sum(axis=1) / (2 * step)
        np.testing.assert_allclose(slope[:, axis], rise, atol=2e-2)


def test_going_away_from_the_own_draw_of_the_prior_is_told_from_coming_back():
    start, here = np.full((2, 5), 0.5), np.array([[0.5] * 5, [0.9] * 5])
    there = np.array([[0.9] * 5, [0.5] * 5])
    far = moves.farther(start, here, there)
    length = 5 * moves.normal(np.array([0.9]))[0] ** 2
    np.testing.assert_allclose(far, [length, -length])


def test_led_steps_are_no_longer_than_they_may_be_and_keep_their_direction():
    here, there = np.full((1, 4), 0.5), np.array([[0.999, 0.999, 0.001, 0.5]])
    way = moves.normal(moves.shortened(here, there))[0]
    assert np.sqrt(np.sum(way**2)) == pytest.approx(moves.LONGEST)
    np.testing.assert_allclose(way[:3] / way[0], [1, 1, -1], atol=1e-9)
    near = np.array([[0.6, 0.4, 0.5, 0.5]])
    np.testing.assert_allclose(moves.shortened(here, near), near)


def test_a_move_home_sets_axes_back_and_no_others(search):
    members = led(search, 8)
    rows = np.arange(len(members))
    to = moves.home(members, rows, np.random.default_rng(5)).points
    assert np.all((to == members.points) | (to == members.start))


def test_a_move_that_leads_away_must_win_more_than_one_that_does_not(search, monkeypatch):
    members = led(search, 1)
    row = np.flatnonzero(members.lacks > 0)[:1]
    lacks = members.lacks[row]
    same = members.points[row]
    away = members.points[row].copy()
    away[0, 4] = 0.999 if members.start[row[0], 4] < 0.9 else 0.001  # an axis that nothing hangs on
    monkeypatch.setattr("gvlab.calibration.search._TOLL_ABOVE", 0.0)
    for points, won in ((same, True), (away, False)):
        assert search._better(members, row, points, 0.99 * lacks).tolist() == [won]
    assert search._better(members, row, away, 0.0 * lacks).tolist() == [True]
    monkeypatch.setattr("gvlab.calibration.search._TOLL_ABOVE", 1e9)  # at the end of the way there is no toll
    assert search._better(members, row, away, 0.99 * lacks).tolist() == [True]
