"""What a request may ask. Everything is looked at before any work begins, so that no text can keep the machine busy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gvlab.errors import InvalidValueError
from gvlab.experiment.text import ExperimentFile

FIRST_SUBJECTS, ALL_SUBJECTS = 24, 100
"""Virtual subjects of the first answer, and of the one that follows it."""

MAX_BODY = 2_000_000
"""Bytes of a request; a file of data is part of it."""

MAX_MESSAGE = 256_000
"""Bytes of a message of the WebSocket."""

MAX_LINK = 64_000
"""Characters of a link, and how much it may be inflated to."""

MAX_INFLATED = 400_000
"""Bytes a link may hold once it is inflated."""

MAX_ARMS = 12
MAX_DOSES = 400
"""Times that a subject of one arm is given something."""

MAX_SUBJECTS = 2_000
MAX_DAY = 730.0
MAX_NAME = 120
MAX_NOTE = 4_000
MAX_DEPTH = 12
MAX_ITEMS = 6_000

_WORK = 3_000_000
"""Arms times subjects times days: about ten seconds of one core."""


def check_size(content: Any, what: str = "The experiment") -> None:
    """Raise if plain values are nested deeply or are very many; it is cheap, and comes before any schema.

    Raises
    ------
    InvalidValueError
        With the limit.
    """
    todo: list[tuple[Any, int]] = [(content, 1)]
    seen = 0
    while todo:
        value, depth = todo.pop()
        seen += 1
        if depth > MAX_DEPTH or seen > MAX_ITEMS:
            raise InvalidValueError(
                f"{what} is larger than the bench takes: at most {MAX_ITEMS:,} values, {MAX_DEPTH} levels deep. "
                "Run it in Python or with `gvlab run`."
            )
        if isinstance(value, Mapping):
            todo += [(each, depth + 1) for each in value.values()]
        elif isinstance(value, str):
            if len(value) > MAX_NOTE:
                raise InvalidValueError(
                    f"{what} holds a text of {len(value):,} letters; at most {MAX_NOTE:,} are taken."
                )
        elif isinstance(value, Sequence):
            todo += [(each, depth + 1) for each in value]


def check_cost(file: ExperimentFile) -> None:
    """Raise if an experiment is more work than a page may ask for.

    Raises
    ------
    InvalidValueError
        With the limit and what it is in the experiment.
    """
    experiment = file.experiment
    subjects = file.subjects or ALL_SUBJECTS
    if len(experiment.arms) > MAX_ARMS:
        raise InvalidValueError(f"{len(experiment.arms)} arms are asked for; the bench takes {MAX_ARMS}. Remove some.")
    if subjects > MAX_SUBJECTS:
        raise InvalidValueError(
            f"{subjects:,} subjects are asked for; the bench takes {MAX_SUBJECTS:,}. Run more with `gvlab run`."
        )
    if experiment.last_day > MAX_DAY:
        raise InvalidValueError(f"The last day is {experiment.last_day:g}; the bench follows until {MAX_DAY:g}.")
    if len(file.days) > MAX_DAY:
        raise InvalidValueError(f"{len(file.days)} days of reading are asked for; at most {MAX_DAY:g} are taken.")
    for arm in experiment.arms:
        if len(arm.name) > MAX_NAME:
            raise InvalidValueError(f"The name of an arm has {len(arm.name)} letters; at most {MAX_NAME} are taken.")
        given = sum(dose.repeats + 1 for dose in arm.protocol)
        if given > MAX_DOSES:
            raise InvalidValueError(
                f'In arm "{arm.name}" something is given {given:,} times; the bench takes {MAX_DOSES}. '
                "Give it less often, or for a shorter time."
            )
        for dose in arm.protocol:
            if dose.start < -MAX_DAY:
                raise InvalidValueError(f'"{dose.agent}" is given at "{dose.at}"; the earliest day is {-MAX_DAY:g}.')
    work = len(experiment.arms) * subjects * experiment.last_day
    if work > _WORK:
        raise InvalidValueError(
            f"{len(experiment.arms)} arms of {subjects:,} subjects for {experiment.last_day:g} days are more than the "
            f"bench computes at once ({_WORK:,} arm times subject times day). Ask for fewer subjects, or `gvlab run`."
        )
