"""What an edge of the axis rests on: the equation with its switch, the parameters in it, and where each comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gvlab.library import Library
from gvlab.library.table_rows import EdgeRow, ParameterRow
from gvlab.subject import System

_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class EdgeEvidence:
    """What an edge rests on.

    Attributes
    ----------
    edge
        Of the library.
    equations
        Lines of the model (Antimony) in which its switch stands.
    parameters
        Rows of the parameter tables that hold in the system and stand in those lines, without the switch.
    references
        By key, the sources of the edge and of its parameters.
    """

    edge: EdgeRow
    equations: tuple[str, ...]
    parameters: tuple[ParameterRow, ...]
    references: dict[str, str]

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The evidence as text, a line each."""
        found = [f"{self.edge.statement} ({self.edge.source or 'no source'}; {self.edge.verification or 'no mark'})"]
        found += [f"  {equation}" for equation in self.equations]
        for row in self.parameters:
            where = ", ".join(part for part in (row.source, row.locator) if part) or "no source"
            found.append(
                f"  {row.parameterId} = {row.nominalValue:g} {row.unit}: {row.evidence}; {where}; "
                f"{row.verification or 'no mark'}"
            )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "edge": self.edge.edge,
            "statement": self.edge.statement,
            "source": self.edge.source,
            "locator": self.edge.locator,
            "verification": self.edge.verification,
            "equations": list(self.equations),
            "parameters": [
                {
                    "parameter": row.parameterId, "value": row.nominalValue, "unit": row.unit,
                    "evidence": str(row.evidence), "source": row.source, "locator": row.locator,
                    "verification": row.verification,
                }
                for row in self.parameters
            ],
            "references": dict(self.references),
        }  # fmt: skip


def edge_evidence(edge: EdgeRow, system: System, library: Library) -> EdgeEvidence:
    """Return what an edge rests on in a system.

    Parameters
    ----------
    edge
        A row of the table of edges.
    system
        Whose parameters hold.
    library
        Of the model's text and the bibliography.
    """
    text = library.wiring_file().read_text(encoding="utf-8")
    modules = sorted(library.wiring_file().parent.glob("modules/*.ant"))
    lines = [line for path in modules for line in path.read_text(encoding="utf-8").splitlines()] or text.splitlines()
    code = [line.partition("//")[0].strip().rstrip(";") for line in lines]
    pattern = re.compile(rf"\b{re.escape(edge.switch)}\b")
    equations = tuple(
        dict.fromkeys(line for line in code if pattern.search(line) and ("'" in line or ":=" in line or "->" in line))
    )
    table = system.parameters()
    if not any(name in table and name != edge.switch for line in equations for name in _NAME.findall(line)):
        # What an edge passes on without a number of its own is weighed where it arrives.
        passed = [line.partition(":=")[0].strip() for line in equations if ":=" in line]
        equations += tuple(
            line
            for line in dict.fromkeys(code)
            if ("'" in line or ":=" in line)
            and line not in equations
            and any(re.search(rf"\b{re.escape(name)}\b", line) for name in passed)
        )
    names = dict.fromkeys(name for line in equations for name in _NAME.findall(line) if name != edge.switch)
    rows = tuple(table.row(name) for name in names if name in table)
    keys = dict.fromkeys(
        key.strip()
        for source in (edge.source, *(row.source for row in rows))
        for key in source.split(";")
        if key.strip()
    )
    known = library.bibliography()
    return EdgeEvidence(edge, equations, rows, {key: known[key].reference() for key in keys if key in known})
