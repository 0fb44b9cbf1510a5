"""One schema a kind of table: what a row of parameters, of conditions or of edges must say."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from gvlab.library.fields import Claims, Context, Identifier, Record, Sourced, Text, Unit, Verification
from gvlab.provenance import Evidence


class ParameterRow(Sourced):
    """One row of a parameter table: PEtab's columns and ours."""

    parameterId: Identifier
    nominalValue: float
    lowerBound: float | None = None
    upperBound: float | None = None
    priorDistribution: str = ""
    unit: Unit
    context: Context = ()
    evidence: Evidence
    derivation: Text = ""

    @field_validator("lowerBound", "upperBound", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value

    @model_validator(mode="after")
    def _consistent(self) -> ParameterRow:
        if not math.isfinite(self.nominalValue):
            raise ValueError("nominalValue must be a finite number")
        low = -math.inf if self.lowerBound is None else self.lowerBound
        high = math.inf if self.upperBound is None else self.upperBound
        if not low <= self.nominalValue <= high:
            raise ValueError(f"nominalValue {self.nominalValue:g} lies outside its bounds {low:g} to {high:g}")
        if self.evidence is Evidence.MEASURED and not self.source:
            raise ValueError("a measured value needs a source")
        if self.evidence is Evidence.DERIVED and not self.source and not self.derivation:
            raise ValueError("a derived value needs a source or a derivation")
        if not self.source and not self.note and not self.derivation:
            raise ValueError("a row without a source says why in note or derivation")
        return self


class WeightRow(Record):
    """What one subject of a draw of a population counts for."""

    subject: int = Field(ge=0)
    """Its number in the draw."""
    weight: float = Field(ge=0, allow_inf_nan=False)
    """How many subjects of the draw it stands for; they average 1."""


class ConditionRow(Record):
    """One change of a condition (PEtab): a target takes a number, or a factor times its own value."""

    conditionId: Identifier
    targetId: Identifier
    targetValue: str
    conditionName: Text = ""
    source: str = ""
    locator: Text = ""
    verification: Verification = ""
    note: Text = ""

    @model_validator(mode="after")
    def _readable(self) -> ConditionRow:
        self.change()
        return self

    def change(self) -> tuple[float, bool]:
        """Return the number, and whether it is a factor on the target's own value."""
        number, star, name = self.targetValue.partition("*")
        if star and name.strip() != self.targetId:
            raise ValueError(f'targetValue "{self.targetValue}" is a number, or "<number> * {self.targetId}"')
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ValueError(f'targetValue "{self.targetValue}" is not a number, or "<number> * {self.targetId}"')
        return value, bool(star)


class EdgeRow(Sourced):
    """One regulatory edge: who acts on whom, with which sign, and the parameter that switches it on and off."""

    edge: Identifier
    source_node: Text
    target_node: Text
    sign: Literal["+", "-"]
    switch: Identifier
    claims: Claims = ()
    """Findings that speak of it."""
    statement: Text


class LookRow(Record):
    """How an arm is drawn in every picture: numbers of the color, the dash and the marker in the common palette."""

    arm: Text
    color: int = Field(ge=1, le=8)
    dash: int = Field(ge=1, le=6)
    marker: int = Field(ge=1, le=8)
