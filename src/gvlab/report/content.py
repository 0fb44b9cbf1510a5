"""What a report is made of: plain tables, sentences and pictures. Whoever has results fills it; `render` prints it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.views.view import View

VERDICTS: Mapping[str, str] = {"reproduced": "✓", "partly": "◐", "not": "✗", "cannot say": "?"}
"""Verdicts from best to none, each with the glyph that carries it where color does not."""

VERDICT_COLUMNS = ("id", "statement", "published", "simulated", "verdict", "reason", "role", "confidence")
COMPARISON_COLUMNS = ("id", "system", "comparison", "simulated", "power", "verdict", "reason")
PARAMETER_COLUMNS = (
    "parameterId", "nominalValue", "lowerBound", "upperBound", "unit", "context", "evidence", "source", "locator",
    "derivation", "verification", "note",
)  # fmt: skip
EVIDENCE = ("measured", "derived", "calibrated", "assumed")


@dataclass(frozen=True)
class ReportTable:
    """A small table with its caption; `folded` where a reader opens it."""

    title: str
    frame: pd.DataFrame
    caption: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Picture:
    """A figure of one or more panels with its caption.

    Attributes
    ----------
    id
        Anchor in the page, letters, digits and hyphens: ``survival-wehi3b``.
    title
        Headline.
    views
        Its panels in order; none where it is a table.
    caption
        Sentences, as `gvlab.report.captions` writes them.
    claims
        Ids of the claims it speaks of; their verdicts are shown beside it.
    tables
        Tables that belong to it.
    """

    id: str
    title: str
    views: tuple[View, ...]
    caption: str
    claims: tuple[str, ...] = ()
    tables: tuple[ReportTable, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes
    ----------
    id, title
        Anchor and heading.
    text
        Paragraphs of plain text, may be none.
    pictures, tables
        What it shows, pictures first.
    """

    id: str
    title: str
    text: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[ReportTable, ...] = ()


@dataclass(frozen=True)
class ReportContent:
    """Everything in a report.

    Attributes
    ----------
    title, subtitle
        What was run, and of whom: name of the study, citation of the paper.
    verdicts
        One row a claim: ``id, statement, published, simulated, verdict, reason, role, confidence``, all text. `verdict`
        is one of reproduced, partly, not, cannot say. Further columns ``source`` (keys of the bibliography, separated
        by semicolons) and ``system`` are shown if there.
    comparisons
        What each verdict rests on, one row a comparison: ``id`` (of the claim), ``system, comparison, simulated,
        power, verdict, reason``. May be empty.
    sections
        Figures and tables, in order.
    parameters
        The resolved parameter table with the columns of the library.
    bibliography
        Reference by key, in the order to be printed.
    links
        Address by key of the bibliography, where there is one.
    manifest
        What made the results: text and numbers, nested one level.
    summary
        Paragraphs below the verdicts; the counts of verdicts are written in any case.
    believe
        What may be believed and what not, a sentence each, on the first screen.
    meaning
        What each verdict means, by verdict.
    warnings
        What a reader must know before believing anything: failed subjects, quick run.
    names
        What a reader calls what a machine calls by a name with underscores: systems, endpoints, outputs.
    context_of_use
        What this is for and what it is not for.
    """

    title: str
    subtitle: str
    verdicts: pd.DataFrame
    sections: tuple[Section, ...]
    parameters: pd.DataFrame
    bibliography: Mapping[str, str]
    manifest: Mapping[str, Any]
    comparisons: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COMPARISON_COLUMNS)))
    links: Mapping[str, str] = field(default_factory=dict)
    summary: tuple[str, ...] = ()
    believe: tuple[str, ...] = ()
    meaning: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    context_of_use: str = (
        "For generating and ranking hypotheses about sorafenib and graft-versus-leukemia, and planning experiments; "
        "not for individual treatment decisions."
    )

    def __post_init__(self) -> None:
        _columns(self.verdicts, VERDICT_COLUMNS, "verdicts")
        _columns(self.comparisons, COMPARISON_COLUMNS, "comparisons")
        _columns(self.parameters, PARAMETER_COLUMNS, "parameters")
        for table in (self.verdicts, self.comparisons):
            for verdict in table["verdict"]:
                if str(verdict) not in VERDICTS:
                    raise UnknownNameError("verdict", str(verdict), VERDICTS)
        claims = [str(claim) for claim in self.verdicts["id"]]
        if len(set(claims)) < len(claims):
            twice = next(claim for claim in claims if claims.count(claim) > 1)
            raise InvalidValueError(f'The claim "{twice}" has two verdicts; give one, and its parts as comparisons.')
        for claim in self.comparisons["id"]:
            if str(claim) not in claims:
                raise UnknownNameError("claim", str(claim), claims)
        anchors = [section.id for section in self.sections]
        anchors += [picture.id for section in self.sections for picture in section.pictures]
        for anchor in anchors:
            if anchors.count(anchor) > 1:
                raise InvalidValueError(f'Two parts of the report have the id "{anchor}"; links need different ones.')
            if not anchor.replace("-", "").isalnum():
                raise InvalidValueError(f'The id "{anchor}" may have letters, digits and hyphens only; links use it.')


def _columns(table: pd.DataFrame, columns: tuple[str, ...], what: str) -> None:
    for column in columns:
        if column not in table.columns:
            raise UnknownNameError(f"column of the table of {what}", column, [str(name) for name in table.columns])
