"""How often an experiment of a given size ends significant: it is repeated on virtual animals, with attrition.

Nothing is assumed about hazard ratios or variances: what happens in an arm is what the model says of many virtual
animals, and an experiment of n animals an arm is a draw of them, tested as the laboratory would test them. No virtual
animal is in an experiment twice, so the experiments vary as much as those of fresh animals would: where the arms do not
differ, the level of the test is kept for every n.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.errors import InvalidValueError
from gvlab.planning.draws import Draw, animals_at, distinct_animals, draw_arm, latent_places
from gvlab.planning.layout import InterimLook, Layout
from gvlab.planning.planned_comparison import Attrition, PlannedComparison
from gvlab.planning.planned_tests import holm_adjusted, p_values
from gvlab.planning.simulated_comparison import SimulatedComparison, arms_of
from gvlab.statistics import wilson_interval
from gvlab.statistics.group_sequential import sequential_bounds
from gvlab.statistics.permutation import DRAWS
from gvlab.statistics.power import check_level

SIZES = (*range(2, 21), *range(22, 41, 2), *range(45, 81, 5))
"""Animals per arm that are tried."""

BATCHES = 8
"""Into so many batches the virtual animals are divided, or fewer where experiments are large; how far batches differ is
the error of the power."""

REPLICATES = 8000
"""Experiments of each number of animals: 1.1 points of Monte-Carlo error (95 %) where the power is one half."""

_FEWEST_BATCHES = 4
_TWO_SIDED_95 = float(stats.norm.ppf(0.975))
ROUNDING = 1e-9
"""A p-value by counting can be the level itself, and is significant then."""


def sizes_for(per_arm: int | None = None, step: int = 1) -> tuple[int, ...]:
    """Return the animals per arm that are tried: those of `SIZES`, and on to a number that was asked for.

    Parameters
    ----------
    per_arm
        A number that was asked for.
    step
        Only multiples of it, where whole cages are treated.
    """
    found = list(SIZES) if step == 1 else list(range(2 * step, max(81, 12 * step), step))
    while per_arm is not None and found[-1] < per_arm:
        found.append(min(per_arm, max(found[-1] + step, 5 * round(found[-1] * 1.1 / 5))))
    asked = [] if per_arm is None else [per_arm]
    return tuple(sorted({step * -(-n // step) for n in (*found, *asked)}))


def animals_for(sizes: Sequence[int], batches: int = _FEWEST_BATCHES, arms: float = 2.0) -> int:
    """Return how many virtual animals experiments of these sizes need, in so many batches.

    Parameters
    ----------
    sizes
        Animals per arm.
    batches
        How many experiments must fit at once.
    arms
        Animals of an experiment for each animal of an arm.
    """
    return int(np.ceil(arms * max(sizes))) * batches


@dataclass(frozen=True)
class PowerCurve:
    """Probability of significance by number of animals, for one parameter set.

    Attributes
    ----------
    name
        Of the parameter set.
    n
        Animals per arm (of one that gets no more and no less than others).
    power, standard_error
        Of what is required, shape (n,). The error covers the replicates and the virtual animals being finitely many;
        not the model.
    parts
        By what is asked: each comparison (named by its arm), "all" of them and "any", where there are several; the
        experiments that end at the "interim" look, where there is one.
    """

    name: str
    n: tuple[int, ...]
    power: Float[Array, " size"]
    standard_error: Float[Array, " size"]
    parts: Mapping[str, Float[Array, " size"]] = field(default_factory=dict)

    def needed(self, power: float) -> int | None:
        """Return the fewest animals per arm from which on the power stays at `power` or above; None: none does."""
        return _first_lasting(self.n, self.power >= power)

    @property
    def half_width(self) -> Float[Array, " size"]:
        """Half of the 95 % interval of the power for its Monte-Carlo error."""
        return np.asarray(_TWO_SIDED_95 * self.standard_error)

    @property
    def limits(self) -> tuple[Float[Array, " size"], Float[Array, " size"]]:
        """Return the 95 % interval of the power for its Monte-Carlo error."""
        low, high = self.power - self.half_width, self.power + self.half_width
        return np.maximum(low, 0.0), np.minimum(high, 1.0)

    def needed_range(self, power: float) -> tuple[int | None, int | None]:
        """Return the fewest animals if the power is as high, and as low, as its Monte-Carlo error (95 %) allows."""
        return (
            _first_lasting(self.n, self.power + self.half_width >= power),
            _first_lasting(self.n, self.power - self.half_width >= power),
        )

    def at(self, n: int) -> tuple[float, float]:
        """Return power and standard error at a number of animals that was tried.

        Raises
        ------
        InvalidValueError
            If that number was not tried: power is computed, never read between two numbers or beyond the last.
        """
        place = self.place(n)
        return float(self.power[place]), float(self.standard_error[place])

    def place(self, n: int) -> int:
        """Return where a number of animals stands that was tried; errors as `at`."""
        if n not in self.n:
            raise InvalidValueError(f"Power with {n} per arm was not computed; ask for it: sizes=(..., {n}).")
        return self.n.index(n)


def _first_lasting(n: Sequence[int], enough: Bool[Array, " size"]) -> int | None:
    if not enough[-1]:
        return None
    short = np.flatnonzero(~enough)
    return n[int(short[-1]) + 1] if len(short) else n[0]


@dataclass(frozen=True)
class LookLevels:
    """Levels at which the p-value of each look is significant, and the information that the first look has."""

    first: float
    last: float
    information: float


def look_levels(
    look: InterimLook, simulated: SimulatedComparison, comparison: PlannedComparison, alpha: float
) -> LookLevels:
    """Return the levels of both looks, from the share of events (or of animals) that the first one has.

    Raises
    ------
    InvalidValueError
        If nothing, or everything, has happened by the day of the look.
    """
    information = look.share
    if information is None:
        arms = [simulated.arms[name] for name in (comparison.arm, comparison.versus)]
        events = sum(int(arm.event.sum()) for arm in arms)
        early = sum(int(np.sum(arm.event & (arm.duration <= (look.day or 0.0)))) for arm in arms)
        if not 0.05 * events <= early < events:
            raise InvalidValueError(
                f"By day {look.day:g}, {early} of {events} events of the virtual animals have happened; a look takes "
                "5 % or more of them, and not all. Take another day."
            )
        information = early / events
    one_sided = comparison.alternative != "two-sided"
    bounds = sequential_bounds((information, 1.0), alpha, look.shape, one_sided=one_sided)
    first, last = (float(each) for each in stats.norm.sf(bounds) * (1 if one_sided else 2))
    return LookLevels(first, last, information)


def power_curve(
    simulated: SimulatedComparison,
    comparisons: Sequence[PlannedComparison],
    attrition: Attrition,
    rng: np.random.Generator,
    *,
    follow_up: float,
    layout: Layout | None = None,
    arms: Sequence[str] = (),
    name: str = "nominal",
    sizes: Sequence[int] = SIZES,
    replicates: int = REPLICATES,
    alpha: float = 0.05,
) -> PowerCurve:
    """Repeat the experiment with each number of animals, and count how often it ends significant.

    Parameters
    ----------
    simulated, comparisons, attrition
        What happens in the arms, what is tested, what goes wrong. Several comparisons share the level by Holm.
    rng
        Source of the draws.
    follow_up
        Days until the end of the study, or until the reading: attrition is spread over them.
    layout
        Allocation, cages, interim look; all arms alike and nothing else where None.
    arms
        All arms of the experiment, since they share cages; those that are compared where none are named.
    name
        Of the parameter set.
    sizes
        Animals per arm, increasing.
    replicates
        Experiments for each number of animals.
    alpha
        Level of the tests together.

    Raises
    ------
    InvalidValueError
        If alpha is no level, or there are fewer virtual animals than an experiment of the largest size takes.
    """
    check_level(alpha)
    layout = layout or Layout()
    if layout.interim and len(comparisons) > 1:
        raise InvalidValueError("An interim look is planned for one comparison; leave it out, or name one arm.")
    usable = np.flatnonzero(simulated.followed)
    names = arms_of(comparisons)
    largest = sum(layout.sizes(names, max(sizes)).values())
    if len(usable) < largest:
        raise InvalidValueError(
            f"An experiment with {max(sizes)} per arm takes {largest} different virtual animals, and there are "
            f"{len(usable)}. Simulate more."
        )
    levels = look_levels(layout.interim, simulated, comparisons[0], alpha) if layout.interim else None
    found = []
    for n in sizes:
        experiments = drawn_experiments(
            simulated, names, layout, arms or names, n, usable, attrition, follow_up, replicates, rng
        )
        parts = [_significant(drawn, comparisons, layout, levels, alpha, rng) for drawn in experiments]
        hits = np.concatenate([part[0] for part in parts])
        ended = np.concatenate([part[1] for part in parts]) if levels else None
        found.append(_summary(hits, ended, len(parts), comparisons, layout.require))
    power, error = (np.array([each[column] for each in found]) for column in (0, 1))
    by_part = {key: np.array([each[2][key] for each in found]) for key in found[0][2]}
    return PowerCurve(name, tuple(sizes), power, error, by_part)


def drawn_experiments(
    simulated: SimulatedComparison,
    names: Sequence[str],
    layout: Layout,
    arms: Sequence[str],
    n: int,
    usable: Int[Array, " subject"],
    attrition: Attrition,
    follow_up: float,
    replicates: int,
    rng: np.random.Generator,
) -> Iterator[dict[str, Draw]]:
    """Yield drawn experiments with n animals an arm, those of each batch of virtual animals together.

    Parameters
    ----------
    simulated, names
        What happens in the arms, and which of them are drawn.
    layout, arms
        How the experiment is laid out, and all of its arms, since they share cages.
    n
        Animals of an arm of the usual size.
    usable
        Virtual animals that can be dealt.
    attrition, follow_up
        What goes wrong, and over how many days.
    replicates
        Experiments in all.
    rng
        Source of the draws.
    """
    sizes = layout.sizes(names, n)
    total = sum(sizes.values())
    ends = np.cumsum([0, *sizes.values()])
    if layout.cages == "ignored" and not layout.cage_correlation:
        batches = min(BATCHES, len(usable) // total)
        batches = batches if batches >= _FEWEST_BATCHES else 1
        each = max(1, replicates // batches)
        # Runs of neighbors: every eighth of them would lie in one corner of a Sobol sequence.
        for batch in np.array_split(usable, batches):
            rows = distinct_animals(batch, total, each, rng)
            drawn = {}
            for place, arm in enumerate(names):
                mine = rows[:, ends[place] : ends[place + 1]]
                drawn[arm] = draw_arm(
                    simulated.arms[arm], simulated.without[arm], mine, mine, attrition, follow_up, rng
                )
            yield drawn
        return
    cages = layout.cages_of(layout.sizes(arms, n), names, rng)
    places = latent_places(np.concatenate([cages[arm] for arm in names]), layout.cage_correlation, replicates, rng)
    drawn = {}
    for place, arm in enumerate(names):
        mine = places[:, ends[place] : ends[place + 1]]
        rows = animals_at(simulated.arms[arm], usable, mine)
        failed = animals_at(simulated.without[arm], usable, mine)
        drawn[arm] = draw_arm(
            simulated.arms[arm], simulated.without[arm], rows, failed, attrition, follow_up, rng, cages[arm]
        )
    yield drawn


def _significant(
    drawn: Mapping[str, Draw],
    comparisons: Sequence[PlannedComparison],
    layout: Layout,
    levels: LookLevels | None,
    alpha: float,
    rng: np.random.Generator,
) -> tuple[Bool[Array, "replicate comparison"], Bool[Array, " replicate"]]:
    """Return whether each comparison of each experiment is significant, and whether it ended at the interim look."""

    if levels is None or layout.interim is None:
        hits = np.asarray(holm_adjusted(p_values(drawn, comparisons, rng, cages=layout.cages)) <= alpha + ROUNDING)
        return hits, np.zeros(len(hits), dtype=bool)
    look = layout.interim
    early = {
        arm: draw.until(look.day) if look.day is not None else draw.first(_share(draw, look.share or 1.0))
        for arm, draw in drawn.items()
    }
    # A small level needs more permutations to be met: 20 of them below it.
    needed = max(DRAWS, int(np.ceil(20 / levels.first)) - 1)
    ended = p_values(early, comparisons, rng, draws=min(needed, 19_999))[:, 0] <= levels.first + ROUNDING
    late = p_values(drawn, comparisons, rng)[:, 0] <= levels.last + ROUNDING
    return (ended | late)[:, None], ended


def _share(draw: Draw, share: float) -> int:
    return max(1, round(share * int(draw.value.shape[1])))


def _summary(
    hits: Bool[Array, "replicate comparison"],
    ended: Bool[Array, " replicate"] | None,
    batches: int,
    comparisons: Sequence[PlannedComparison],
    require: str,
) -> tuple[float, float, dict[str, float]]:
    """Return power and standard error of what is required, and the power of each part."""
    parts = {each.arm: hits[:, column] for column, each in enumerate(comparisons)} if len(comparisons) > 1 else {}
    every, some = np.asarray(hits.all(axis=1)), np.asarray(hits.any(axis=1))
    hardest = np.asarray(hits[:, int(np.argmin(hits.mean(axis=0)))])
    decides = {"each": hardest, "all": every, "any": some}[require]
    if parts:
        parts |= {"all": every, "any": some}
    if ended is not None:
        parts["interim"] = ended
    total = len(decides)
    shares = decides.reshape(batches, -1).mean(axis=1)
    between = float(shares.std(ddof=1) / np.sqrt(batches)) if batches > 1 else 0.0
    # Where every batch says the same, the replicates alone leave this much open.
    wilson = float(np.ptp(wilson_interval(int(decides.sum()), total)) / (2 * _TWO_SIDED_95))
    return float(decides.mean()), max(between, wilson), {key: float(part.mean()) for key, part in parts.items()}
