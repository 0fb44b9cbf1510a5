"""How a parameter differs between subjects, as a population's file says it."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from gvlab.library.fields import Identifier, Record, Sourced
from gvlab.provenance import Evidence

_GIVEN_BY: dict[str, tuple[frozenset[str], str]] = {
    "log-normal": (frozenset({"cv"}), '"cv" alone'),
    "normal": (frozenset({"cv", "sd"}), 'either "sd" or "cv"'),
    "uniform": (frozenset(), '"low" and "high"'),
    "log-uniform": (frozenset(), '"low" and "high"'),
    "point": (frozenset(), '"value"'),
    "bernoulli": (frozenset({"share"}), '"share", the part of the subjects that have 1'),
    "categorical": (frozenset({"values", "shares"}), '"values" and "shares"'),
    "mixture": (frozenset({"components"}), '"components"'),
}
"""What each distribution is given by, beside its limits."""


class Spread(Record):
    """A distribution of one number.

    A log-normal is given by its coefficient of variation; `center` says whether its value is the median or the mean.
    A normal is given by `sd` (or `cv`), a uniform and a log-uniform by `low` and `high` (or the bounds of the table).
    """

    distribution: Literal[
        "log-normal", "normal", "uniform", "log-uniform", "bernoulli", "categorical", "mixture", "point"
    ]
    cv: float | None = Field(default=None, gt=0)
    sd: float | None = Field(default=None, gt=0)
    low: float | None = None
    high: float | None = None
    center: Literal["median", "mean"] = "median"

    @property
    def _of(self) -> str:
        return f"the {self.distribution}"

    @model_validator(mode="after")
    def _given_by_its_own(self) -> Self:
        allowed, words = _GIVEN_BY[self.distribution]
        all_fields = frozenset().union(*(fields for fields, _ in _GIVEN_BY.values()))
        given = {name for name in all_fields if getattr(self, name, None) not in (None, ())}
        short = allowed - given if self.distribution != "normal" else ({"sd"} if len(given) != 1 else set())
        if given - allowed or short:
            raise ValueError(f"{self._of} is given by {words}")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f'"low" of {self._of} must be below "high"')
        discrete = self.distribution in ("bernoulli", "categorical", "mixture", "point")
        if discrete and (self.low is not None or self.high is not None):
            raise ValueError(f'{self._of} has no "low" and "high"')
        if self.distribution == "log-uniform" and self.low is not None and self.low <= 0:
            raise ValueError(f'"low" of {self._of} must be above zero')
        return self


class MixtureComponent(Spread):
    """One kind of subjects in a mixture: which share of them it is, and how they are distributed around `value`."""

    share: float = Field(gt=0, le=1)
    value: float | None = None
    """Of a log-normal its median or mean, of a normal its mean, of a point all of it."""

    @model_validator(mode="before")
    @classmethod
    def _simple(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("distribution") in ("bernoulli", "categorical", "mixture"):
            raise ValueError(f"a component of a mixture is not a {data['distribution']}; give its parts as components")
        return data

    @model_validator(mode="after")
    def _given_by_its_own(self) -> Self:
        # The share of a component is no parameter of its distribution.
        fields = {name: getattr(self, name) for name in Spread.model_fields}
        Spread(**fields)
        needs_value = self.distribution not in ("uniform", "log-uniform")
        if needs_value == (self.value is None):
            raise ValueError(f'a {self.distribution} component {"needs" if needs_value else "has no"} "value"')
        if not needs_value and (self.low is None or self.high is None):
            raise ValueError(f'a {self.distribution} component needs "low" and "high"')
        return self


class Variability(Spread, Sourced):
    """How a parameter differs between subjects, around its value in the table.

    A `bernoulli` is 1 for a share of the subjects and 0 for the others; a `categorical` takes `values` by `shares`; a
    `mixture` has `components`, each of a share of the subjects. A subject with a low draw is in the first of them, so a
    correlation runs along their order.
    """

    parameter: Identifier
    value: float | None = None
    """What a log-normal or a normal is centered on, where it is not the value of the table."""
    share: float | None = Field(default=None, gt=0, lt=1)
    values: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    components: tuple[MixtureComponent, ...] = ()
    evidence: Evidence = Evidence.ASSUMED

    @property
    def _of(self) -> str:
        return f'the {self.distribution} of "{self.parameter}"'

    @model_validator(mode="after")
    def _shares_make_one(self) -> Self:
        if self.distribution == "point":
            raise ValueError(f'"{self.parameter}" does not differ between subjects; set its value in the table')
        if self.value is not None and self.distribution not in ("log-normal", "normal"):
            raise ValueError(f'{self._of} has no "value"')
        if len(self.values) != len(self.shares):
            raise ValueError(f"{self._of} has {len(self.values)} values and {len(self.shares)} shares")
        shares = [component.share for component in self.components] or list(self.shares)
        if shares and (min(shares) <= 0 or not math.isclose(sum(shares), 1.0, abs_tol=1e-9)):
            raise ValueError(f"the shares of {self._of} are above zero and add up to 1, not {sum(shares):g}")
        return self
