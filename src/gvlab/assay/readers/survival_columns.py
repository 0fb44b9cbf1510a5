"""Columns of a survival table that only its owner can name: a change, weights, and rows from start to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from gvlab.assay.readers.tables import TextTable
from gvlab.errors import InvalidValueError
from gvlab.statistics.inputs import SAME_TIME

CHANGES_AT, WEIGHT, ROW = "changes_at", "weight", "row"


@dataclass(frozen=True)
class Columns:
    """Columns of a survival table that only its owner can name; "" where there is none.

    Attributes
    ----------
    changes_at
        When a subject changes (an infusion, a remission), in the unit of the times and empty where it never does; the
        table then has a column `CHANGES_AT`.
    weights
        How many subjects of a population each stands for; the table then has a column `WEIGHT`.
    start, stop
        From when to when a row holds: a subject then has several, in the arm it is in at the time, and the table has a
        column `ROW` with their numbers from 1.
    """

    changes_at: str = ""
    weights: str = ""
    start: str = ""
    stop: str = ""

    def __post_init__(self) -> None:
        """Refuse one end without the other, and rows beside a change that they already tell."""
        if bool(self.start) != bool(self.stop):
            given, other = ("start", "stop") if self.start else ("stop", "start")
            raise InvalidValueError(
                f'{given}= is "{getattr(self, given)}" and {other}= is missing. Rows from start to stop have both '
                'columns; late entry alone is a column "entry".'
            )
        if self.start and self.changes_at:
            raise InvalidValueError(
                f'start= and stop= tell what each row is in, so changes_at= "{self.changes_at}" has no place. Leave '
                "one of them out."
            )


NO_COLUMNS = Columns()


def weight_in(table: TextTable, row: int, column: int) -> float:
    """Return the weight in a cell.

    Raises
    ------
    InvalidValueError
        If it is missing, negative or infinite.
    """
    found = table.number(row, column, "a weight")
    if not 0 <= found < math.inf:
        said = "missing" if math.isnan(found) else f"{found:g}"
        raise InvalidValueError(
            f"The weight in {table.where(row, column)} is {said}. A weight says how many subjects one stands for: 0 or "
            "more. Fill it in, or remove the row."
        )
    return found


def rows_of_subjects(found: pd.DataFrame, table: TextTable, numbers: list[int]) -> list[int]:
    """Return the number of each row among those of its subject, in order of time, from 1.

    Parameters
    ----------
    found
        Columns ``subject, duration, event_observed, entry``, and `WEIGHT` where there are weights.
    table, numbers
        Where they were read, and the row there of each.

    Raises
    ------
    InvalidValueError
        If rows of a subject overlap, it goes on after its event or has two, or its rows differ in weight.
    """
    of_row = [0] * len(found)
    for name, rows in found.groupby("subject", sort=False):
        order = rows.sort_values("entry")
        before = None
        for number, (place, row) in enumerate(order.iterrows(), 1):
            of_row[int(str(place))] = number
            where = table.where(numbers[int(str(place))], 0)
            if before is not None and row["entry"] < before["duration"] * (1 - SAME_TIME):
                raise InvalidValueError(
                    f'Rows of subject "{name}" overlap: one stops at {before["duration"]:g}, and that in {where} '
                    f"starts at {row['entry']:g} (days). Each moment of a subject stands in one row."
                )
            if before is not None and before["event_observed"]:
                ends = "has two ends" if row["event_observed"] else "goes on after its event"
                raise InvalidValueError(
                    f'Subject "{name}" {ends}: it has the event at {before["duration"]:g}, and another row in {where} '
                    "(days). The event stands in the last row of a subject, once."
                )
            if before is not None and WEIGHT in found and row[WEIGHT] != before[WEIGHT]:
                raise InvalidValueError(
                    f'Subject "{name}" has the weight {before[WEIGHT]:g}, and {row[WEIGHT]:g} in {where}. All rows of '
                    "a subject carry one weight."
                )
            before = row
    return of_row
