"""ADTTE is read back as it was written, and what it cannot be is refused."""

from __future__ import annotations

import pandas as pd
import pytest

from gvlab.assay.adtte import adtte, read_adtte
from gvlab.assay.endpoint import EventTimes
from gvlab.errors import InvalidValueError

TABLE = pd.DataFrame(
    {
        "subject": [0, 1, 2, 0, 1],
        "arm": ["A", "A", "A", "B", "B"],
        "duration": [5.0, 9.0, 30.0, 2.0, 30.0],
        "event_observed": [1, 2, 0, 1, 0],
        "entry": 0.0,
        "cause": ["relapse", "death_other", "", "relapse", ""],
    }
)


def written() -> pd.DataFrame:
    return adtte([EventTimes("relapse", "Relapse", TABLE, "reached", "RELAPSE")], "S1")


def test_what_is_written_is_read_back():
    back = read_adtte(written())["RELAPSE"]
    for column in ("arm", "duration", "event_observed", "entry"):
        assert back[column].tolist() == TABLE[column].tolist()
    assert back["subject"].is_unique


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"CNSR": [0, 1, 3, 0, 1]}, "CNSR is 3 in row 3 below the header; 0 is an event"),
        ({"CNSR": [0, None, 1, 0, 1]}, "CNSR is nan in row 2"),
        ({"AVAL": [5.0, -1.0, 1, 1, 1]}, "AVAL is -1.0 in row 2 below the header; it is a time, 0 or more"),
        ({"USUBJID": ["x", "x", "y", "z", "u"]}, '"x" has two ends of RELAPSE. Keep one row of each.'),
        ({"AVALU": "MONTHS"}, "AVALU is MONTHS; times are read in DAYS"),
        ({"Birth date": "1970-01-01"}, '"Birth date", which may tell who a patient is. Remove the column'),
        ({"MRN": "12"}, '"MRN", which may tell who a patient is'),
    ],
)
def test_what_cannot_be_is_refused(change, words):
    with pytest.raises(InvalidValueError) as caught:
        read_adtte(written().assign(**change))
    assert words in str(caught.value)


def test_a_missing_column_is_named():
    with pytest.raises(InvalidValueError, match="ADTTE needs CNSR; the table has"):
        read_adtte(written().drop(columns="CNSR"))
