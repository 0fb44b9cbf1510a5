"""One self-contained page: no network, no scripts from elsewhere, figures inline, readable on a phone and on paper."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gvlab.files import write_text
from gvlab.report.captions import evidence_summary, roles_table, verdict_counts, verdict_summary
from gvlab.report.content import EVIDENCE, VERDICTS, Picture, ReportContent
from gvlab.views import View, stylesheet, svg, thumbnail

FILE_NAME = "report.html"

_SLUGS = {"reproduced": "reproduced", "partly": "partly", "not": "not", "cannot say": "cannot-say"}


def write_report(content: ReportContent, folder: str | Path) -> Path:
    """Write the report as ``report.html`` into a folder, whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written; a report that was there before is untouched.
    """
    target = Path(folder) / FILE_NAME
    write_text(target, render(content))
    return target


def render(content: ReportContent) -> str:
    """Print a report as one HTML page.

    Parameters
    ----------
    content
        Tables, sentences and pictures. All text is escaped; SVG goes in as it is, with its ids made unique.

    Returns
    -------
    The page. The same content gives the same text.
    """
    # Imported here: only reports need a template engine.
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("gvlab.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.filters["records"] = _records
    environment.filters["prose"] = lambda text: prose(text, content.names)
    template = environment.get_template("report.html.j2")
    claims = _claims(content)
    return template.render(
        content=content,
        style=Markup(stylesheet() + _asset("report.css")),
        script=Markup(_asset("report.js")),
        claims=claims,
        verdict_of={claim["id"]: claim for claim in claims},
        verdicts=VERDICTS,
        slugs=_SLUGS,
        counts=verdict_counts(content.verdicts),
        verdict_text=verdict_summary(content.verdicts),
        roles=_records(roles_table(content.verdicts)),
        role_names=list(dict.fromkeys(content.verdicts["role"].astype(str))),
        parameters=[_parameter(row, content) for row in _records(content.parameters)],
        evidence=EVIDENCE,
        evidence_slugs={kind: kind for kind in EVIDENCE},
        evidence_counts={kind: int((content.parameters["evidence"] == kind).sum()) for kind in EVIDENCE},
        evidence_text=evidence_summary(content.parameters),
        manifest=_flat(content.manifest),
        thumbnails=_thumbnails(content),
        panels=lambda picture: [_panel(view, picture, place) for place, view in enumerate(picture.views)],
    )


def _asset(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): blank(value) for key, value in row.items()} for row in frame.to_dict("records")]


def blank(value: Any) -> Any:
    """Return an empty text for what is missing, so that no "nan" is ever printed."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value


def _claims(content: ReportContent) -> list[dict[str, Any]]:
    parts: dict[str, list[dict[str, Any]]] = {}
    for row in _records(content.comparisons):
        parts.setdefault(str(row["id"]), []).append(row)
    order = list(VERDICTS)
    out = []
    for row in _records(content.verdicts):
        verdict = str(row["verdict"])
        out.append(
            {
                **row,
                "id": str(row["id"]),
                "glyph": VERDICTS[verdict],
                "slug": _SLUGS[verdict],
                "rank": order.index(verdict),
                "sources": _keys(row.get("source", ""), content),
                "parts": parts.get(str(row["id"]), []),
            }
        )
    return out


def _keys(text: Any, content: ReportContent) -> list[tuple[str, bool]]:
    """Split keys of the bibliography; each comes with whether it is there to be linked."""
    keys = [key.strip() for key in str(text).split(";") if key.strip()]
    return [(key, key in content.bibliography) for key in keys]


def _parameter(row: Mapping[str, Any], content: ReportContent) -> dict[str, Any]:
    verification = str(row["verification"])
    low, high = row["lowerBound"], row["upperBound"]
    return {
        **row,
        "range": f"{number(low)} – {number(high)}" if low != "" and high != "" else "",
        "sources": _keys(row["source"], content),
        "unverified": "memory" in verification.lower(),
        "assumed": str(row["evidence"]) == "assumed",
    }


def number(value: Any) -> str:
    """Write a number for a reader: 0.348, 1.2×10⁶; text stays as it is."""
    value = blank(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size != 0 and (size >= 1e5 or size < 1e-3):
        mantissa, exponent = f"{value:.3e}".split("e")
        digits = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        head = mantissa.rstrip("0").rstrip(".")
        return f"10{digits}" if head == "1" else f"{head}×10{digits}"
    return f"{value:.4g}"


_UNBROKEN = re.compile(r"\b[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*-\d+\b|`([^`]+)`")


_IDENTIFIER = re.compile(r"\b[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+\b")


def prose(text: Any, names: Mapping[str, str] | None = None) -> str:
    """Escape a sentence, keep names such as IL-15 on one line, and set names in backticks as code.

    Parameters
    ----------
    text
        A sentence.
    names
        What a reader calls what a machine calls by a name with underscores.
    """
    from markupsafe import Markup, escape

    parts, end = [], 0
    text = str(blank(text))
    if names:
        text = _IDENTIFIER.sub(lambda match: names.get(match.group(0), match.group(0)), text)
    for match in _UNBROKEN.finditer(text):
        parts.append(escape(text[end : match.start()]))
        if match.group(1):
            parts.append(Markup("<code>{}</code>").format(match.group(1)))
        else:
            parts.append(Markup('<span class="whole">{}</span>').format(match.group(0)))
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _flat(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Write a manifest as rows; nested names are joined with a dot."""
    rows = []
    for name, value in manifest.items():
        if isinstance(value, Mapping):
            rows += [(f"{name}.{inner}", str(blank(content))) for inner, content in value.items()]
        else:
            rows.append((str(name), str(blank(value))))
    return rows


PANEL = 318.0
"""Points across a panel: three stand beside one another on a page of 1280, and one fits a phone."""

WIDE = 400.0
"""A picture that is wider in points scrolls inside its frame where the window is narrow."""


def _panel(view: View, picture: Picture, place: int) -> dict[str, Any]:
    """Return a panel of a figure: printed, and whether it is wider than a phone."""
    from markupsafe import Markup

    width = view.width or PANEL
    text = svg(view, width=width, titled=len(picture.views) > 1)
    return {"svg": Markup(text), "wide": width > WIDE, "title": view.title}


def _thumbnails(content: ReportContent) -> list[dict[str, Any]]:
    """Return small pictures of the first figures, with what they link to."""
    from markupsafe import Markup

    shown = [picture for section in content.sections[:1] for picture in section.pictures][:6]
    return [
        {"id": each.id, "title": each.title, "svg": Markup(thumbnail(each.views[0])) if each.views else ""}
        for each in shown
    ]
