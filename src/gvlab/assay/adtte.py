"""Event times as the time-to-event data set of clinical trials (ADTTE of CDISC ADaM), without calendar dates.

One row a subject and parameter. ``AVAL`` is the time from the origin, ``CNSR`` 0 where the event was seen and above 0
where it was not: 1 for the end of follow-up, 2 for an event after which this one cannot come. ``EVNTDESC`` says what
was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from gvlab.assay.endpoint import EventTimes
from gvlab.errors import InvalidValueError
from gvlab.lazy import LazyModule

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")

COLUMNS = ("STUDYID", "USUBJID", "ARM", "PARAMCD", "PARAM", "AVAL", "AVALU", "CNSR", "EVNTDESC")
_CODE = re.compile(r"[A-Z][A-Z0-9]{0,7}")


def adtte(times: Iterable[EventTimes], study: str) -> pd.DataFrame:
    """Return endpoints as rows of ADTTE, columns `COLUMNS`.

    Parameters
    ----------
    times
        Endpoints of one study; each needs its code (``paramcd`` of the endpoint's record).
    study
        Goes into ``STUDYID`` and before each subject's number.

    Raises
    ------
    InvalidValueError
        If an endpoint has no code of at most eight capital letters and digits, or two have the same, or there is none.
    """
    parts, seen = [], set()
    for each in times:
        if not _CODE.fullmatch(each.code):
            raise InvalidValueError(
                f'The endpoint "{each.endpoint}" has the code "{each.code}"; PARAMCD is one to eight capital letters '
                f'and digits. Give it in the endpoint\'s file, e.g. "paramcd: OS".'
            )
        if each.code in seen:
            raise InvalidValueError(f'Two endpoints have the code "{each.code}"; PARAMCD names one.')
        seen.add(each.code)
        parts.append(_rows(each, study))
    if not parts:
        raise InvalidValueError("ADTTE needs at least one endpoint.")
    return pd.concat(parts, ignore_index=True)


def _rows(times: EventTimes, study: str) -> pd.DataFrame:
    table = times.table
    state = table["event_observed"].to_numpy()
    # Every arm has subjects 0, 1, ...; a subject of a study is in one arm.
    names = [f"{study}-{arm}-{subject:05d}" for arm, subject in zip(table["arm"], table["subject"], strict=True)]
    described = np.where(state == 0, "END OF FOLLOW-UP", [_upper(cause) for cause in table["cause"]])
    return pd.DataFrame(
        {
            "STUDYID": study,
            "USUBJID": names,
            "ARM": table["arm"].to_numpy(),
            "PARAMCD": times.code,
            "PARAM": times.title,
            "AVAL": table["duration"].to_numpy(),
            "AVALU": "DAYS",
            "CNSR": np.select([state == 1, state == 2], [0, 2], default=1),
            "EVNTDESC": described,
        }
    )


def _upper(cause: str) -> str:
    return cause.replace("_", " ").upper()
