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
from gvlab.assay.readers.identity import refuse_identity
from gvlab.assay.readers.survival import Survival
from gvlab.assay.readers.tables import TextTable
from gvlab.errors import InvalidValueError, UnknownNameError
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


def read_adtte(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the event times of each parameter of ADTTE, by PARAMCD, with columns as `endpoint_times` gives them.

    CNSR 0 is an event, 1 a censoring, and 2 what `adtte` writes for an event after which this one cannot come. Nothing
    but the columns of `COLUMNS` is read; calendar dates and what may tell who somebody is are refused.

    Raises
    ------
    InvalidValueError
        If a column is missing or tells who a patient is, a time or a CNSR is none, or a subject has two ends.
    """
    columns = {str(name).strip().upper(): name for name in table.columns}
    refuse_identity(map(str, table.columns), "The table")
    missing = [name for name in ("USUBJID", "ARM", "PARAMCD", "AVAL", "CNSR") if name not in columns]
    if missing:
        raise InvalidValueError(f"ADTTE needs {', '.join(missing)}; the table has: {', '.join(map(str, columns))}.")
    rows = table.rename(columns={own: name for name, own in columns.items()}).reset_index(drop=True)
    times, codes = (pd.to_numeric(rows[name], errors="coerce").to_numpy(float) for name in ("AVAL", "CNSR"))
    for place, (time, code) in enumerate(zip(times, codes, strict=True), 1):
        if not time >= 0:
            raise InvalidValueError(
                f"AVAL is {rows['AVAL'][place - 1]} in row {place} below the header; it is a time, 0 or more."
            )
        if code not in (0, 1, 2):
            raise InvalidValueError(
                f"CNSR is {rows['CNSR'][place - 1]} in row {place} below the header; 0 is an event, 1 a censored "
                "subject, 2 an event after which this one cannot come. Write it so."
            )
    unit = set(rows["AVALU"].astype(str).str.upper()) - {"DAYS", "DAY"} if "AVALU" in rows else set()
    if unit:
        raise InvalidValueError(f"AVALU is {sorted(unit)[0]}; times are read in DAYS. Convert AVAL.")
    twice = rows[rows.duplicated(["USUBJID", "PARAMCD"])]
    if len(twice):
        row = twice.iloc[0]
        raise InvalidValueError(f'"{row["USUBJID"]}" has two ends of {row["PARAMCD"]}. Keep one row of each.')
    described = rows["EVNTDESC"].astype(str).str.lower() if "EVNTDESC" in rows else pd.Series("", index=rows.index)
    found = pd.DataFrame(
        {
            "subject": rows["USUBJID"].astype(str),
            "arm": rows["ARM"].astype(str),
            "duration": times,
            "event_observed": np.select([codes == 0, codes == 2], [1, 2], default=0),
            "entry": 0.0,
            "cause": np.where(codes == 1, "", described),
        }
    )
    return {str(code): part.reset_index(drop=True) for code, part in found.groupby(rows["PARAMCD"].astype(str))}


def looks_like(table: TextTable) -> bool:
    """Return whether a table is ADTTE."""
    return all(table.maybe((name,)) is not None for name in ("PARAMCD", "AVAL", "CNSR"))


def from_table(table: TextTable, parameter: str = "") -> Survival:
    """Return one endpoint of ADTTE as a survival table read from cells.

    Parameters
    ----------
    table
        Cells of the file.
    parameter
        Its PARAMCD; the only one where empty.

    Raises
    ------
    InvalidValueError
        If there are several endpoints and none is named; else as `read_adtte`.
    UnknownNameError
        If there is no such endpoint.
    """
    endpoints = read_adtte(pd.DataFrame(table.cells[1:], columns=list(table.cells[0])))
    if parameter and parameter not in endpoints:
        raise UnknownNameError("endpoint (PARAMCD)", parameter, endpoints, table.name)
    if not parameter and len(endpoints) > 1:
        raise InvalidValueError(
            f"{table.name} has several endpoints: {', '.join(endpoints)}. Say parameter={next(iter(endpoints))} for "
            "one of them."
        )
    code = parameter or next(iter(endpoints))
    found = endpoints[code]
    notes = [
        f"ADTTE, endpoint {code}: CNSR 0 was taken for an event and 1 for a censored subject, as the standard has it."
    ]
    competing = int((found["event_observed"] == 2).sum())
    if competing:
        notes.append(
            f"{competing} have CNSR 2, an event after which this one cannot come: curves and tests are of the first of "
            "all events, and causes are told apart."
        )
        found["cause"] = found["cause"].where(
            found["cause"] != "", np.where(found["event_observed"] == 2, "other", code)
        )
    else:
        found["cause"] = ""
    return Survival(found.assign(event_observed=found["event_observed"] > 0), tuple(notes))


def _upper(cause: str) -> str:
    return cause.replace("_", " ").upper()
