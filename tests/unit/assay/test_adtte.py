from __future__ import annotations

import pandas as pd
import pytest

from gvlab import statistics
from gvlab.assay.adtte import COLUMNS, adtte
from gvlab.assay.endpoint import EventTimes
from gvlab.errors import InvalidValueError
from gvlab.library import Library

TABLE = pd.DataFrame(
    {
        "subject": [0, 1, 2, 0, 1],
        "arm": ["DLI", "DLI", "DLI", "none", "none"],
        "duration": [30.5, 365.0, 80.0, 12.0, 200.0],
        "event_observed": [1, 0, 2, 1, 1],
        "entry": 0.0,
        "cause": ["death_leukemia", "", "death_gvhd", "death_leukemia", "death_leukemia"],
    }
)


def test_adtte_has_zero_for_an_event_and_no_dates():
    frame = adtte([EventTimes("leukemia_mortality", "Death of leukemia", TABLE, code="LEUKMORT")], "GVL1")
    assert tuple(frame.columns) == COLUMNS
    assert frame["CNSR"].tolist() == [0, 1, 2, 0, 0]
    assert frame["EVNTDESC"].tolist()[:3] == ["DEATH LEUKEMIA", "END OF FOLLOW-UP", "DEATH GVHD"]
    assert frame["USUBJID"].is_unique
    assert set(frame["AVALU"]) == {"DAYS"}


def test_survival_of_the_data_set_is_that_of_the_event_times():
    times = EventTimes("overall_survival", "Overall survival", TABLE.replace({"event_observed": {2: 1}}), code="OS")
    frame = adtte([times], "GVL1")
    arm = frame[frame["ARM"] == "DLI"]
    read = statistics.kaplan_meier(arm["AVAL"], arm["CNSR"] == 0)
    assert read.table.equals(times.curve("DLI").table)


def test_every_endpoint_of_the_library_has_a_code_of_its_own():
    library = Library.default()
    codes = [library.read("endpoints", name).paramcd for name in library.names("endpoints")]
    assert all(codes)
    assert len(set(codes)) == len(codes)


def test_endpoints_without_or_with_the_same_code_are_refused():
    with pytest.raises(InvalidValueError, match="paramcd: OS"):
        adtte([EventTimes("own", "Own", TABLE)], "GVL1")
    twice = [EventTimes("own", "Own", TABLE, code="OS"), EventTimes("other", "Other", TABLE, code="OS")]
    with pytest.raises(InvalidValueError, match='Two endpoints have the code "OS"'):
        adtte(twice, "GVL1")
    with pytest.raises(InvalidValueError, match="at least one endpoint"):
        adtte([], "GVL1")
