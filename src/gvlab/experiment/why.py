"""Why two arms differ: every edge that the model can switch off is cut in both, and what is lost is its share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gvlab import units
from gvlab.arrays import Array, Float
from gvlab.engine import Cancel, Progress
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.library.table_rows import EdgeRow
from gvlab.protocol import Arm, Change, Condition
from gvlab.simulation import Executor, run_tasks, show_warnings
from gvlab.subject import Cohort

if TYPE_CHECKING:
    from gvlab.experiment.experiment import Experiment
    from gvlab.experiment.plausible_why import SetShares

THIRD = 1 / 3
"""An edge that takes less of a difference is not called its cause."""

SHARE = "share"
"""The unit of an endpoint: of the subjects, those for whom it holds."""

SUBJECTS = 100
RESAMPLES = 1000
_DIGITS = 6
"""Decimals of a share: finer than what the tolerance of the solver leaves of it."""
_SAME = 1e-6
"""Part of a mean by which two may differ and are the same: what the tolerance of the solver leaves of a reading."""


@dataclass(frozen=True)
class EdgeShare:
    """What is lost of a difference without an edge.

    Attributes
    ----------
    edge
        Of the library: who acts on whom, the switch, source and statement.
    left
        The difference that is left when the edge is cut in both arms.
    share
        1 where nothing is left, 0 where all is; below 0 where the difference grows, above 1 where it turns round.
    lower, upper
        95 % interval over mice (paired bootstrap).
    low, high
        Least and most over plausible parameter sets; NaN where none were asked.
    """

    edge: EdgeRow
    left: float
    share: float
    lower: float
    upper: float
    low: float = math.nan
    high: float = math.nan

    @property
    def in_words(self) -> str:
        """The edge as a reader says it."""
        return f"{self.edge.source_node} {'→' if self.edge.sign == '+' else '⊣'} {self.edge.target_node}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what is not known is null."""
        numbers = {
            "left": self.left, "share": self.share, "lower": self.lower, "upper": self.upper,
            "lowest_of_sets": self.low, "highest_of_sets": self.high,
        }  # fmt: skip
        known = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        about = {"edge": self.edge.edge, "switch": self.edge.switch, "statement": self.edge.statement}
        return {**about, "source": self.edge.source, "claims": list(self.edge.claims), **known}


@dataclass(frozen=True)
class Why:
    """Why two arms differ in a reading.

    Attributes
    ----------
    experiment
        Its name or title.
    arm, versus
        The arms.
    reading, unit, day
        What is read, in words; its unit; on which day.
    difference, lower, upper
        Of the means, `arm` less `versus`, with its 95 % interval over mice.
    shares
        The edges, the largest share first. Empty where there is no difference to explain.
    subjects, seed
        The same mice in every arm, and their seed.
    sets, left_out
        Plausible parameter sets that were asked, and those of them that have no such difference.
    model
        Hash of the model.
    under
        Conditions under which both arms were asked, in words.
    """

    experiment: str
    arm: str
    versus: str
    reading: str
    unit: str
    day: float
    difference: float
    lower: float
    upper: float
    shares: tuple[EdgeShare, ...]
    subjects: int
    seed: int
    sets: int = 0
    left_out: int = 0
    model: str = ""
    under: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        return self.lower > 0 or self.upper < 0

    @property
    def _where(self) -> str:
        return f", both arms under {' and '.join(self.under)}" if self.under else ""

    def sentences(self) -> tuple[str, ...]:
        """Return the answer: what differs, which edges carry it, and how sure that is."""
        # A share is told as all shares are: in percent, so that a difference of two is in percentage points.
        scale, unit = (100.0, " percentage points") if self.unit == SHARE else (1.0, f" {self.unit}")
        unit = "" if self.unit in ("", "dimensionless") else unit
        difference, lower, upper = (f"{scale * each:.3g}" for each in (self.difference, self.lower, self.upper))
        first = (
            f"{self.reading} on day {self.day:g}{self._where}: {self.arm} less {self.versus} is {difference}{unit} "
            f"(95 % interval over {self.subjects} subjects {lower} to {upper})."
        )
        if not self.differs:
            return (first, "The interval holds 0, so there is no difference to explain.")
        carried = [each for each in self.shares if each.share >= THIRD]
        if not carried:
            top = self.shares[0] if self.shares else None
            most = f" The most, {_percent(top)}, goes with {top.in_words}." if top and top.share > 0 else ""
            return (first, f"No single edge takes a third of it.{most}")
        said = "; ".join(f"{each.in_words} {_percent(each)}" for each in carried)
        lines = [first, f"What is lost of it when an edge is cut in both arms: {said}."]
        if len(carried) > 1:
            lines.append("Edges of one chain each take what the chain carries, so shares do not add up to 100 %.")
        if self.left_out:
            lines.append(f"{self.left_out} of {self.sets} plausible sets have no such difference and are left out.")
        return tuple(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "experiment": self.experiment, "arm": self.arm, "versus": self.versus, "reading": self.reading,
            "unit": self.unit, "day": self.day, "difference": self.difference, "lower": self.lower,
            "upper": self.upper, "subjects": self.subjects, "seed": self.seed, "plausible_sets": self.sets,
            "sets_without_the_difference": self.left_out, "model": self.model, "under": list(self.under),
            "sentences": list(self.sentences()),
            "edges": [each.to_dict() for each in self.shares],
        }  # fmt: skip


def _percent(each: EdgeShare) -> str:
    sets = f"; plausible sets {100 * each.low:.0f} to {100 * each.high:.0f}" if math.isfinite(each.low) else ""
    return f"{100 * each.share:.0f} % ({100 * each.lower:.0f} to {100 * each.upper:.0f}{sets})"


@dataclass(frozen=True)
class Outcome:
    """What is compared: an endpoint (whether it holds), or an output of the model, on a day."""

    name: str
    title: str
    unit: str
    day: float
    endpoint: bool

    @classmethod
    def of(cls, experiment: Experiment, name: str = "", day: str = "") -> Outcome:
        """Return a reading by name: an endpoint of the library or an output of the model; survival where "".

        Raises
        ------
        UnknownNameError
            If there is neither.
        InvalidValueError
            If the day lies outside the experiment.
        """
        library, model = experiment.library, experiment.model
        asked = name or library.survival_endpoint()
        when = units.day(day) if day else experiment.last_day
        if not 0 <= when <= experiment.last_day:
            raise InvalidValueError(
                f"Day {when:g} lies outside the experiment, which ends on day {experiment.last_day:g}."
            )
        if asked in library.names("endpoints"):
            return cls(asked, str(library.read("endpoints", asked).title), SHARE, when, True)
        if asked not in model.symbols:
            raise UnknownNameError(
                "endpoint or output of the model", asked, (*library.names("endpoints"), *model.symbols)
            )
        return cls(asked, model.title(asked), model.unit(asked), when, False)


def cuttable(experiment: Experiment, arms: Sequence[Arm]) -> tuple[EdgeRow, ...]:
    """Return the edges of the library whose switch is on in one of the arms, so that it can be cut."""
    table = experiment.system.parameters()
    found = []
    for row in experiment.library.rows("edges"):
        if row.switch not in experiment.model.symbols:
            continue
        nominal = table.value(row.switch) if row.switch in table else 1.0
        set_by = [[c.value for c in arm.condition.changes if c.target == row.switch] for arm in arms]
        if any((values[-1] if values else nominal) != 0 for values in set_by):
            found.append(row)
    return tuple(found)


def without(arm: Arm, edge: EdgeRow, name: str) -> Arm:
    """Return an arm with an edge cut, whatever its own condition makes of the switch."""
    kept = tuple(change for change in arm.condition.changes if change.target != edge.switch)
    cut = Condition((*arm.condition.names, f"without {edge.edge}"), (*kept, Change(edge.switch, 0.0)))
    return Arm(name, arm.protocol, arm.n, cut)


def read_on(arm: Arm, day: float) -> Arm:
    """Return an arm with the doses until a day: what is read then says nothing of those that come later."""
    return arm.replace(protocol=arm.protocol.until(day))


def why(
    experiment: Experiment,
    arm: str,
    versus: str,
    *,
    reading: str = "",
    day: str = "",
    under: Sequence[str] = (),
    seed: int = 2018,
    subjects: int = SUBJECTS,
    cohort: Cohort | None = None,
    sets: int = 0,
    ensemble: str = "",
    executor: Executor | str | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Why:
    """Return which edges carry the difference of two arms.

    Each edge with a switch is cut in both arms, with the same mice; what is then left of the difference of the means,
    subtracted from the whole, is the share of the edge.

    Parameters
    ----------
    experiment
        Of whose arms.
    arm, versus
        Their names.
    reading
        An endpoint of the library (the share for which it holds) or an output of the model; survival where "".
    day
        When it is read; the last day of the experiment where "".
    under
        Conditions of the library under which both arms are asked: a knock-out, a depletion.
    seed, subjects
        Of the mice: the same in both arms, cut or not.
    cohort
        Mice of your own instead.
    sets, ensemble
        How many plausible parameter sets are asked as well, evenly chosen from an ensemble of the library; 0 for none.
        30 or more give a range worth stating.
    executor, progress, cancel
        As in `Experiment.run`.

    Raises
    ------
    UnknownNameError
        If there is no such arm, condition, reading or ensemble.
    InvalidValueError
        If an arm is compared with itself, or nobody can be read.
    """
    if arm == versus:
        raise InvalidValueError(f'"{arm}" is compared with itself. Name another arm.')
    if sets < 0:
        raise InvalidValueError(f"{sets} plausible sets are asked for; there are 0 or more.")
    for condition in under:
        experiment = experiment.under(condition)
    asked = Outcome.of(experiment, reading, day)
    pair = experiment.arm(arm), experiment.arm(versus)
    edges = cuttable(experiment, pair)
    mice = experiment.system.cohort(subjects, seed) if cohort is None else cohort
    values = read_all(experiment, pair, edges, mice, seed, asked, executor, progress, cancel)
    stream = np.random.default_rng([seed, len(mice), 20])
    draws = stream.integers(0, len(mice), (RESAMPLES, len(mice)))
    whole, lower, upper, resampled = _difference(values[""], draws)
    answer = Why(
        experiment.name or experiment.title, arm, versus, asked.title, asked.unit, asked.day, whole, lower, upper, (),
        len(mice), seed, model=experiment.model.sha256[:16], under=tuple(under),
    )  # fmt: skip
    if not answer.differs:
        return answer
    found = []
    for edge in edges:
        left, _, _, of_edge = _difference(values[edge.edge], draws)
        with np.errstate(divide="ignore", invalid="ignore"):  # in a resample the arms may be alike
            ratios = np.round(1.0 - of_edge / resampled, _DIGITS)
        low, high = np.nanquantile(ratios[np.isfinite(ratios)], [0.025, 0.975])
        found.append(EdgeShare(edge, left, round(1.0 - left / whole, _DIGITS), float(low), float(high)))
    if sets:
        from gvlab.experiment.plausible_why import shares_of_sets

        over: SetShares = shares_of_sets(
            experiment, pair, edges, asked, whole, sets, ensemble, executor=executor, progress=progress, cancel=cancel
        )
        found = [replace(each, low=over.low[each.edge.edge], high=over.high[each.edge.edge]) for each in found]
        answer = replace(answer, sets=over.sets, left_out=over.left_out)
    return replace(answer, shares=tuple(sorted(found, key=lambda each: (-each.share, each.edge.edge))))


Pair = tuple[Float[Array, "subject"], Float[Array, "subject"]]


def read_all(
    experiment: Experiment,
    pair: tuple[Arm, Arm],
    edges: Sequence[EdgeRow],
    cohort: Cohort,
    seed: int,
    reading: Outcome,
    executor: Executor | str | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Mapping[str, Pair]:
    """Return the reading of every mouse in both arms, by the edge that is cut; "" where none is.

    A mouse that is dead, or could not be solved in one of the two arms, has NaN in that arm.
    """
    arms = {("", 0): pair[0], ("", 1): pair[1]}
    for edge in edges:
        for side in (0, 1):
            arms[edge.edge, side] = without(pair[side], edge, f"{pair[side].name}, without {edge.edge}")
    outputs = () if reading.endpoint else (reading.name,)
    followed = tuple(read_on(each, reading.day) for each in arms.values())
    part = experiment.replace(arms=followed, assays=outputs, until=f"day {max(reading.day, 1e-9):g}")
    tasks = part.tasks(seed, cohort=cohort, days=[reading.day])
    done = run_tasks(tasks.values(), executor=executor, progress=progress, cancel=cancel)
    show_warnings(done)
    record = experiment.library.read("endpoints", reading.name) if reading.endpoint else None
    values: dict[tuple[str, int], Float[Array, "subject"]] = {}
    for key, result in zip(arms, done, strict=True):
        run = result.get()
        if record is None:
            read = run.at(reading.name, reading.day)
        else:
            from gvlab.assay.endpoint import endpoint_arrays

            duration, event, _ = endpoint_arrays(record, run)
            reached = (event == 1) & (duration <= reading.day)
            read = np.where(reached if record.counts == "reached" else ~reached, 1.0, 0.0)
        values[key] = np.where(run.ok, read, np.nan)
    return {cut: (values[cut, 0], values[cut, 1]) for cut in ("", *(edge.edge for edge in edges))}


def _difference(pair: Pair, draws: Any) -> tuple[float, float, float, Float[Array, "resample"]]:
    """Return the difference of the means with its interval, and that of every resample of the same mice.

    What the solver alone makes of a difference is 0: it is the same in every mouse, so its interval would leave out 0.
    """
    means = []
    for values in pair:
        known = np.isfinite(values)
        if not known.any():
            raise InvalidValueError("Nobody of an arm can be read on that day: all are dead. Ask for an earlier day.")
        filled, ones = np.where(known, values, 0.0), known.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            means.append((filled.sum() / ones.sum(), filled[draws].sum(axis=1) / ones[draws].sum(axis=1)))
    whole, resampled = (_less(one, other) for one, other in zip(*means, strict=True))
    kept = resampled[np.isfinite(resampled)]
    low, high = np.quantile(kept, [0.025, 0.975]) if len(kept) else (math.nan, math.nan)
    return float(whole), float(low), float(high), resampled


def _less(one: Any, other: Any) -> Any:
    """Return one less the other; 0 where they are the same to the solver."""
    return np.where(np.abs(one - other) <= _SAME * np.maximum(np.abs(one), np.abs(other)), 0.0, one - other)
