"""What a plan compares: two arms by an endpoint or a reading, and the animals that are lost on the way."""

from __future__ import annotations

from dataclasses import dataclass

from gvlab import units
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment.experiment import Experiment
from gvlab.statistics.permutation import Alternative
from gvlab.subject import System


@dataclass(frozen=True)
class Attrition:
    """What goes wrong with animals.

    Attributes
    ----------
    dropout
        Share that leaves for a reason that has nothing to do with the arm, on a day that is uniform over the study:
        censored in a survival analysis, missing in a reading after that day.
    engraftment_failure
        Share in which the leukemia does not take. They stay in their arm, and what becomes of them is what becomes of
        the same virtual animals without the leukemia.
    """

    dropout: float = 0.1
    engraftment_failure: float = 0.05

    def __post_init__(self) -> None:
        """Refuse shares outside 0 to 0.9."""
        for name, share in (("attrition", self.dropout), ("engraftment failure", self.engraftment_failure)):
            if not 0 <= share <= 0.9:
                percent = f" Did you mean {share / 100:g}?" if 1 <= share <= 90 else ""
                raise InvalidValueError(
                    f"The {name} is {share:g}; it is a share of the animals between 0 and 0.9.{percent}"
                )

    @classmethod
    def usual(cls, system: System, dropout: float | None = None, engraftment_failure: float | None = None) -> Attrition:
        """Return what is usual in a system - nothing is lost in culture - or what is named."""
        usual = cls() if is_animal(system) else cls(0.0, 0.0)
        return cls(
            usual.dropout if dropout is None else dropout,
            usual.engraftment_failure if engraftment_failure is None else engraftment_failure,
        )

    @property
    def runs(self) -> int:
        """How often an arm is simulated: with leukemia, and without where it can fail to take."""
        return 2 if self.engraftment_failure else 1


def is_animal(system: System) -> bool:
    """Return whether the host is an animal and not a culture: only animals have a species."""
    return any(tag.startswith("species:") for tag in system.contexts)


@dataclass(frozen=True)
class PlannedComparison:
    """What is compared.

    Attributes
    ----------
    arm, versus
        Names of two arms.
    endpoint
        Name of an endpoint of the library, or of an output of the model or an assay.
    day
        When a reading is taken, or the share is counted; None for an endpoint whose times are observed.
    assay
        Assay that reads it, with its error; "" for an output of the model, which is read without error.
    share
        Whether the endpoint is counted on the day: no laboratory can observe when the last cell has died, so its time
        cannot be tested, and the share without leukemia can.
    alternative
        Two-sided, or what the arm must be to count: "higher" (lives longer, reads higher) or "lower".
    """

    arm: str
    versus: str
    endpoint: str
    day: float | None = None
    assay: str = ""
    share: bool = False
    alternative: Alternative = "two-sided"

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        arm: str = "",
        versus: str = "",
        endpoint: str = "",
        day: str = "",
        alternative: Alternative = "two-sided",
    ) -> PlannedComparison:
        """Return the comparison that was named; what was not: the last arm, the one before it, the first endpoint.

        Raises
        ------
        UnknownNameError
            If there is no such arm, endpoint, assay or output.
        InvalidValueError
            If an arm is compared with itself, or a reading has no day.
        """
        names = [each.name for each in experiment.arms]
        one = experiment.arm(arm).name if arm else names[-1]
        others = [name for name in names if name != one]
        if not others:
            raise InvalidValueError(f'"{experiment.title}" has one arm only; there is nothing to compare it with.')
        two = experiment.arm(versus).name if versus else others[-1]
        if one == two:
            raise InvalidValueError(f'"{one}" is compared with itself. Arms: {", ".join(names)}.')
        known = experiment.library.names("endpoints")
        chosen = endpoint or next(iter(experiment.endpoints), "")
        if chosen in known and experiment.library.read("endpoints", chosen).only_if_zero:
            return cls(one, two, chosen, _day(day or experiment.until, experiment), share=True, alternative=alternative)
        if chosen in known:
            if day:
                raise InvalidValueError(f'"{chosen}" is followed to the end; only a reading has a day. Leave it out.')
            return cls(one, two, chosen, alternative=alternative)
        if not chosen:
            raise InvalidValueError(
                f'"{experiment.title}" has no endpoint of its own. Name one ({", ".join(known)}), or a reading and its '
                f"day: {', '.join(experiment.assays[:6])}."
            )
        assay, read = _what_is_read(chosen, experiment)
        if not day:
            raise InvalidValueError(f'"{chosen}" is a reading; say on which day, such as "day 12".')
        return cls(one, two, read, _day(day, experiment), assay, alternative=alternative)

    @property
    def test(self) -> str:
        """Which test decides."""
        if self.day is None:
            return "log-rank"
        return "Fisher" if self.share else "Mann-Whitney"

    def follow_up(self, experiment: Experiment) -> float:
        """Return the days over which animals can be lost: until the end of the study, or until they are read."""
        return experiment.last_day if self.day is None else self.day

    def what_in_words(self) -> str:
        """Return what is compared, and how it is read."""
        if self.day is not None and self.share:
            return f"share with {self.endpoint.replace('_', ' ')} by day {self.day:g}"
        if self.day is not None:
            how = f"by {self.assay}, with its error" if self.assay else "read without error of an instrument"
            return f"{self.endpoint} on day {self.day:g} ({how})"
        return self.endpoint.replace("_", " ")

    def test_in_words(self) -> str:
        """Return the test and its sides."""
        if self.alternative == "two-sided":
            return f"two-sided {self.test} test"
        more = {"log-rank": "longer" if self.alternative == "higher" else "shorter"}
        return f"one-sided {self.test} test ({more.get(self.test, self.alternative)} counts)"

    def in_words(self) -> str:
        """Return it as a sentence."""
        return f'{self.what_in_words()}, "{self.arm}" against "{self.versus}", {self.test_in_words()}'


def _day(day: str, experiment: Experiment) -> float:
    when = units.day(day, "the day of the reading")
    if not 0 < when <= experiment.last_day:
        raise InvalidValueError(
            f"Day {when:g} is outside the experiment, which lasts from day 0 to day {experiment.last_day:g}."
        )
    return when


def _what_is_read(name: str, experiment: Experiment) -> tuple[str, str]:
    """Return an assay and its analyte ("serum", "serum.analyte"), or "" and an output of the model."""
    if name in experiment.model.symbols:
        return "", name
    known = experiment.library.read_all("assays")
    assay, _, analyte = name.partition(".")
    if assay not in known:
        raise UnknownNameError(
            "endpoint, assay or output", name, (*experiment.library.names("endpoints"), *known, *experiment.assays)
        )
    analytes = [each.name for each in known[assay].analytes]
    if not analyte and len(analytes) > 1:
        listed = ", ".join(f"{assay}.{each}" for each in analytes)
        raise InvalidValueError(f'"{assay}" reads several things; name one of them: {listed}.')
    if analyte and analyte not in analytes:
        raise UnknownNameError(f'analyte of "{assay}"', analyte, analytes)
    return assay, analyte or analytes[0]
