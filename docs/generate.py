"""Fill the tables of docs/ from the library, so that a page never says another number than the model uses.

A page holds a pair of marks, ``<!-- begin NAME ARGUMENTS -->`` and ``<!-- end -->``; what stands between them is
written by the function of that name below. Run ``.venv/bin/python docs/generate.py`` after changing the library, and
``docs/generate.py --check`` to see whether that is needed.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gvlab.findings.rule import MEANING_OF_SEVERAL, Verdict
from gvlab.library import Library, read_table
from gvlab.library.finding_record import Comparison, FindingRecord
from gvlab.library.table_rows import ParameterRow
from gvlab.model.model import Model, Symbol

DOCS = Path(__file__).parent
_MARKED = re.compile(r"(<!-- begin (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)

ROLES = {
    "structure": "fixes an edge of the model",
    "calibrate": "may set a number",
    "constraint": "a limit that must not be crossed",
    "hold-out": "must be predicted; never fitted",
    "seen": "looked at while the structure was chosen; never fitted, and no hold-out any more",
    "report-only": "shown, never a gate: it rests on memory, inference or a copy of low trust",
    "challenge": "a fact that the simple story fails",
    "prediction": "the model says it; nobody has shown it",
    "open-question": "not known",
    "context": "background",
    "extension": "outside of the paper's system",
    "virtual-cohort": "for the model of patients",
}
"""Role of a claim: what it may be used for."""


def parameters(*files: str) -> str:
    """Write the rows of some parameter tables (names of files, without .tsv)."""
    found: list[ParameterRow] = []
    for name in files:
        found += read_table(Library().folders[-1] / "parameters" / f"{name}.tsv", ParameterRow)
    lines = _table(
        ["parameter", "value", "range", "unit", "where", "evidence", "source", "verification", "reason"],
        (
            [
                f"`{row.parameterId}`",
                f"{row.nominalValue:g}",
                _range(row),
                row.unit,
                ", ".join(row.context),
                str(row.evidence),
                "; ".join([*map(_cited, row.source_keys), *([row.locator] if row.locator else [])]),
                row.verification,
                ". ".join(part for part in (row.derivation, row.note) if part),
            ]
            for row in found
        ),
    )
    return f"{lines}\n{_counted(found)}"


def edges() -> str:
    """Write the regulatory edges with their switches."""
    return _table(
        ["edge", "switch", "claims", "source"],
        (
            [
                edge.statement,
                f"`{edge.switch}`",
                ", ".join(edge.claims),
                "; ".join(map(_cited, edge.source_keys)) or "assumed",
            ]
            for edge in Library().rows("edges")
        ),
    )


def claims(*texts: str) -> str:
    """List the claims that are named, and those whose comparisons read one of these outputs or endpoints."""
    found = [record for record in _findings() if record.id in texts or _measures(record) & set(texts)]
    return _table(
        ["claim", "role", "statement"],
        ([f"[{record.id}](findings.md)", record.role, record.statement] for record in found),
    )


def findings() -> str:
    """Write every claim with its role and what must come out."""
    rows = (
        [
            record.id,
            record.role,
            record.statement,
            record.evidence_status,
            "<br>".join(map(_asked, record.comparisons)) or f"*cannot say*: {record.cannot_say}",
        ]
        for record in _findings()
    )
    return _table(["claim", "role", "statement", "status of the source", "what is asked of the model"], rows)


def roles() -> str:
    """Count the claims by role."""
    count = Counter(record.role for record in _findings())
    spoken = Counter(record.role for record in _findings() if record.comparisons)
    return _table(
        ["role", "meaning", "claims", "of these the model can speak to"],
        ([role, meaning, str(count[role]), str(spoken[role])] for role, meaning in ROLES.items() if count[role]),
    )


def verdicts() -> str:
    """Write what each verdict means, from the constant beside the rule."""
    rows = ([f"**{verdict}**", verdict.meaning] for verdict in Verdict)
    return f"{_table(['verdict', 'when'], rows)}\n{MEANING_OF_SEVERAL}\n"


def evidence() -> str:
    """Count the parameter rows by evidence."""
    return _counted(Library().parameter_rows())


def symbols() -> str:
    """Write the states and the computed quantities of the model."""
    model = Model.default()
    equations = model.equations
    states = [model.symbol(name) for name in equations.states]
    changed = [
        symbol
        for symbol in model.symbols.values()
        if symbol.kind == "parameter" and symbol.id in equations.changeable and symbol.id not in equations.states
    ]
    computed = [model.symbol(name) for name in equations.assigned]
    return "\n".join(
        [
            f"### States ({len(states)})\n",
            _glossary(states),
            f"### Changed only by doses and events ({len(changed)})\n",
            _glossary(symbol for symbol in changed if not symbol.constant),
            f"### Computed at every moment ({len(computed)})\n",
            _glossary(computed),
            "### Events\n",
            _table(["event"], ([f"`{name}`"] for name in equations.events)),
        ]
    )


def sources() -> str:
    """Write the bibliography, one anchor a key."""
    lines = []
    for key, source in sorted(Library().bibliography().items()):
        note = f" *{source['note']}.*" if source["note"] else ""
        lines.append(f'- <a id="{key}"></a>`{key}`: {source.reference()}{note}')
    return "\n".join(lines) + "\n"


def public_names() -> str:
    """Write every public name of the package with the first line of its docstring."""
    import gvlab

    return _table(
        ["name", "what it is"],
        ([f"`gvlab.{name}`", _first_line(getattr(gvlab, name).__doc__)] for name in gvlab.__all__),
    )


def commands() -> str:
    """Write every command with the first line of its help."""
    from gvlab.cli import app

    return _table(
        ["command", "what it does"],
        ([f"`gvlab {each.name}`", _first_line(each.help)] for each in app.registered_commands),
    )


def workflows() -> str:
    """Write every workflow with its request."""
    from importlib import import_module

    from gvlab import workflows as package

    rows = []
    for file in sorted(Path(package.__file__).parent.glob("*.py")):
        module = import_module(f"{package.__name__}.{file.stem}") if file.stem != "__init__" else package
        workflow = getattr(module, file.stem, None)
        if callable(workflow):
            rows.append([f"`{module.__name__}.{file.stem}`", _first_line(workflow.__doc__)])
    return _table(["workflow", "what it does"], rows)


def _first_line(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())


TABLES: dict[str, Callable[..., str]] = {
    "parameters": parameters,
    "edges": edges,
    "claims": claims,
    "findings": findings,
    "roles": roles,
    "verdicts": verdicts,
    "evidence": evidence,
    "symbols": symbols,
    "sources": sources,
    "public_names": public_names,
    "commands": commands,
    "workflows": workflows,
}
"""What may stand between two marks."""


def fill(text: str) -> str:
    """Write anew what stands between the marks of a page."""

    def written(match: re.Match[str]) -> str:
        name, *arguments = match.group(2).split()
        return f"{match.group(1)}\n{TABLES[name](*arguments)}\n{match.group(3)}"

    return _MARKED.sub(written, text)


def stale() -> dict[Path, str]:
    """Give the pages that do not say what the library says, with the text they should have."""
    pages = {page: page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))}
    return {page: new for page, old in pages.items() if (new := fill(old)) != old}


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check only name those that need it."""
    pages = stale()
    for page, text in pages.items():
        if "--check" not in arguments:
            page.write_text(text, encoding="utf-8")
        print(page.relative_to(DOCS.parent))
    return 1 if pages and "--check" in arguments else 0


def _findings() -> list[FindingRecord]:
    return [Library().read("findings", name) for name in Library().names("findings")]


def _measures(record: FindingRecord) -> set[str]:
    return {str(comparison.measure.readout or comparison.measure.endpoint) for comparison in record.comparisons}


def _asked(comparison: Comparison) -> str:
    measure, expect = comparison.measure, comparison.expect
    what = f"`{measure.readout}`" if measure.readout else f"{measure.endpoint}".replace("death_", "death by ")
    against = ", ".join(comparison.versus) or (f"itself on {comparison.versus_at}" if comparison.versus_at else "")
    size = (
        f"{expect.direction}, within {expect.bounds[0]:g} to {expect.bounds[1]:g}".replace("within, ", "")
        if expect.bounds
        else f"{expect.direction} {expect.at_least:g}"
        if expect.direction in ("above", "below")
        else f"highest of all by at least {expect.at_least:g}"
        if expect.rank
        else f"{expect.direction} by at least {expect.at_least:g}{'-fold' if measure.readout else ''}"
    )
    test = comparison.significance
    tested = f"; {test.test}, n = {test.n} per arm ({test.n_status})" if test else ""
    how = " as a registry counts" if measure.analysis == "as_registry" else ""
    beside = "" if comparison.counts else " (shown beside)"
    sides = f"{comparison.arm}{' against ' + against if against else ''}"
    return f"{sides}: {what} on {measure.at}{how} {size}{tested}{beside}"


def _range(row: ParameterRow) -> str:
    if row.lowerBound is None and row.upperBound is None:
        return ""
    low = "" if row.lowerBound is None else f"{row.lowerBound:g}"
    high = "" if row.upperBound is None else f"{row.upperBound:g}"
    return f"{low} to {high}" if low and high else f"from {low}" if low else f"up to {high}"


def _cited(key: str) -> str:
    return f"[{key}](sources.md#{key})"


def _counted(rows: Iterable[ParameterRow]) -> str:
    found = list(rows)
    kinds = Counter(str(row.evidence) for row in found)
    checked = Counter(row.verification or "none" for row in found)
    return (
        f"{len(found)} rows: "
        + ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        + ". Verification: "
        + ", ".join(f"{number} {kind}" for kind, number in checked.most_common())
        + ".\n"
    )


def _glossary(found: Iterable[Symbol]) -> str:
    return _table(["symbol", "meaning", "unit"], ([f"`{one.id}`", one.title, one.unit] for one in found))


def _table(header: list[str], rows: Iterable[list[str]]) -> str:
    return "\n".join(_lines([header, ["---"] * len(header), *rows])) + "\n"


def _lines(rows: Iterable[list[str]]) -> Iterator[str]:
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
