"""The record of names that laboratories and instruments write in more than one way."""

from __future__ import annotations

from pydantic import Field

from gvlab.library.fields import Sourced, Titled


class SpellingRecord(Titled, Sourced):
    """How files of laboratories write what has one name here."""

    spellings: dict[str, tuple[str, ...]] = Field(min_length=1)
    """By our name, what a word of a file is or holds, in small letters; the first that fits is taken."""
