"""Columns that may tell who a patient is: a table that has one is refused, and nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterable

from gvlab.assay.readers.tables import plain_name
from gvlab.errors import InvalidValueError

IDENTIFYING = frozenset(
    plain_name(name)
    for name in (
        "name",
        "patient name",
        "full name",
        "first name",
        "last name",
        "given name",
        "family name",
        "surname",
        "initials",
        "BRTHDTC",
        "BRTHDT",
        "DOB",
        "birth date",
        "birthday",
        "date of birth",
        "MRN",
        "medical record number",
        "hospital number",
        "NHS number",
        "SSN",
        "social security number",
        "address",
        "e-mail",
        "phone",
        "telephone",
    )
)
"""Such columns, by plain name."""
ANIMALS = ("mouse", "animal", "mouse id", "animal id")
"""What a column of subjects is called where they are animals, which have a name and a birth date too."""


def refuse_identity(headings: Iterable[str], where: str) -> None:
    """Refuse a table with a column that may tell who a patient is; one of animals is no such table.

    Raises
    ------
    InvalidValueError
        If there is one; its cells are not repeated.
    """
    columns = {plain_name(str(title)): str(title) for title in headings}
    if any(plain_name(name) in columns for name in ANIMALS):
        return
    telling = [title for name, title in columns.items() if name in IDENTIFYING]
    if telling:
        raise InvalidValueError(
            f'{where} has the column "{telling[0]}", which may tell who a patient is. Remove the column: a number of '
            'each subject, "id", is enough. Of animals call the column of subjects "mouse" or "animal".'
        )
