"""What the library holds: list, explain, cite, check, build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gvlab.cli.common import PAPER, out, refuse_installed
from gvlab.errors import GVLabError, InvalidValueError, UnknownNameError

if TYPE_CHECKING:
    from gvlab.library import Library
    from gvlab.library.finding_record import FindingRecord


def list_records(
    kind: Annotated[
        str, typer.Argument(help="What to list: experiments, findings, systems, agents, conditions, parameters, ...")
    ] = "",
) -> None:
    """Show what the library holds.

    Without a word it shows every kind and how many there are; with one, the records of that kind.

    Examples:

    gvlab list

    gvlab list experiments

    gvlab list parameters
    """
    from gvlab.library import Library, records

    library = Library.default()
    if not kind:
        table = _table("Library", "kind", "records", "examples")
        for each in (*records.KINDS, *records.TABLES):
            names = library.names(each)
            table.add_row(each, str(len(names)), ", ".join(names[:4]) + (", ..." if len(names) > 4 else ""))
        out.print(table)
        out.print('[dim]gvlab list experiments shows one kind; "gvlab run NAME" runs an experiment.[/dim]')
        return
    if kind in records.TABLES:
        _list_rows(kind, library)
        return
    if kind not in records.KINDS:
        raise UnknownNameError("kind of record", kind, (*records.KINDS, *records.TABLES))
    table = _table(kind.capitalize(), "name", "what it is")
    for name, record in library.read_all(kind).items():
        table.add_row(name, getattr(record, "title", "") or getattr(record, "statement", ""))
    out.print(table)


def _list_rows(kind: str, library: Library) -> None:
    if kind == "parameters":
        from gvlab.model.parameters import ParameterTable

        table = _table("Parameters", "parameter", "value", "unit", "holds for", "evidence", "verification")
        for row in ParameterTable.default(library).rows:
            value, context = f"{row.nominalValue:g}", "; ".join(row.context)
            table.add_row(row.parameterId, value, row.unit, context, row.evidence, row.verification)
    elif kind == "edges":
        table = _table("Edges", "edge", "acts", "switch", "claims", "statement")
        for row in library.rows("edges"):
            acts = f"{row.source_node} {row.sign} {row.target_node}"
            table.add_row(row.edge, acts, row.switch, ", ".join(row.claims), row.statement)
    elif kind == "looks":
        table = _table("Looks of arms", "arm", "color", "dash", "marker")
        for row in library.rows("looks"):
            table.add_row(row.arm, str(row.color), str(row.dash), str(row.marker))
    else:
        table = _table("Conditions", "condition", "changes", "to", "note")
        for row in library.rows("conditions"):
            table.add_row(row.conditionId, row.targetId, row.targetValue, row.note)
    out.print(table)


def explain(
    name: Annotated[str, typer.Argument(help="A parameter, or a finding; gvlab list parameters shows all.")],
    system: Annotated[
        str, typer.Option(help="Resolve the overlays of this system; gvlab list systems shows all.")
    ] = "",
) -> None:
    """Say where a number comes from, or what a finding asks.

    For a parameter: value, unit, range, evidence, source and where in it, how it was derived, whether somebody read it
    there - and the rows it takes the place of. For a finding: what was published and what the model is asked.

    Examples:

    gvlab explain IC50_sorafenib_flt3itd

    gvlab explain IC50_sorafenib_flt3itd --system culture_flt3itd

    gvlab explain C20
    """
    from gvlab.library import Library
    from gvlab.model.parameters import ParameterTable
    from gvlab.subject import System

    library = Library.default()
    if name in library.names("findings"):
        _explain_finding(library.read("findings", name))
        return
    if system:
        out.print(System.read(system, library).parameters().explain(name), markup=False, highlight=False)
        return
    table = ParameterTable.default(library)
    if name not in table:
        raise UnknownNameError("parameter or finding", name, (*table.ids, *library.names("findings")))
    rows = [row for row in table.rows if row.parameterId == name]
    for position, row in enumerate(rows):
        if position:
            out.print()
        resolved = table.resolve(row.context)
        out.print(resolved.explain(name), markup=False, highlight=False)


def _explain_finding(finding: FindingRecord) -> None:
    out.print(f"[bold]{finding.id}[/bold]  {finding.statement}")
    rows = [
        ("seen in", finding.system),
        ("published", f"{finding.published.direction} (magnitude: {finding.published.magnitude})"),
        ("source", "; ".join(finding.source_keys) or "from memory, unverified"),
        ("where", finding.locator),
        ("status", f"{finding.evidence_status} (confidence {finding.confidence})"),
        ("role", finding.role),
        ("cannot say", finding.cannot_say),
        ("note", finding.note),
    ]
    for label, text in rows:
        if text:
            out.print(f"  [dim]{label:<11}[/dim]{text}", highlight=False)
    for comparison in finding.comparisons:
        measure, expect = comparison.measure, comparison.expect
        itself = f"itself on {comparison.versus_at}" if comparison.versus_at else "a bound"
        size = f"by {expect.at_least}" if expect.bounds is None else f"within {expect.bounds[0]} to {expect.bounds[1]}"
        out.print(
            f"  [dim]asks[/dim]       {measure.endpoint or measure.readout} on {measure.at} in "
            f"[bold]{comparison.arm}[/bold] against {', '.join(comparison.versus) or itself}: "
            f"{expect.direction} {size} ({expect.why})",
            highlight=False,
        )


def cite(
    name: Annotated[str, typer.Argument(help="An experiment or a system; everything when left out.")] = PAPER,
) -> None:
    """Print the bibliography of exactly the numbers that are used.

    Examples:

    gvlab cite

    gvlab cite mathew2018_survival

    gvlab cite b6_into_balbc_wehi3b
    """
    from gvlab.bibliography import format_bibliography
    from gvlab.library import Library
    from gvlab.subject import System

    library = Library.default()
    if name == PAPER:
        systems = library.names("systems")
    elif name in library.names("experiments"):
        systems = library.read("experiments", name).systems
    elif name in library.names("systems"):
        systems = (name,)
    else:
        raise UnknownNameError(
            "experiment or system", name, (PAPER, *library.names("experiments"), *library.names("systems"))
        )
    found = {source.key: source for system in systems for source in System.read(system, library).sources()}
    out.print(format_bibliography(found.values()), markup=False, highlight=False, soft_wrap=True)


def check() -> None:
    """Check the model and every record of the library.

    libSBML consistency with units, a unit and an SBO term for every symbol, no name undefined or unused, every source
    in the bibliography, every table row used, and gvl.xml as the modules make it.

    Examples:

    gvlab check

    GVLAB_LIBRARY=my_library gvlab check
    """
    from gvlab.findings.check import check_findings
    from gvlab.library import Library, records
    from gvlab.model.build import build
    from gvlab.model.checks import ModelUnderCheck, check_references
    from gvlab.model.checks import check as check_model
    from gvlab.model.model import Model
    from gvlab.subject.population import Weights

    library = Library.default()
    problems: list[str] = []
    for kind in records.KINDS:
        for name in library.names(kind):
            try:
                record = library.read(kind, name)
                if kind == "populations":
                    Weights.read(record, library)
            except GVLabError as error:
                problems.append(str(error))
    try:
        problems += [
            str(problem) for problem in (*check_model(ModelUnderCheck.of(library)), *check_references(library))
        ]
        problems += check_findings(library)
        # With a user's own rows the model is another one than ours, rightly.
        if not library.own and build(library).sbml != Model.default(library).sbml:
            problems.append('models/gvl.xml is not what the modules and tables make. Run "gvlab build".')
    except GVLabError as error:
        problems.append(str(error))
    for problem in dict.fromkeys(problems):
        out.print(f"[red]x[/red] {escape(problem)}", highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    total = sum(len(library.names(kind)) for kind in (*records.KINDS, *records.TABLES))
    out.print(f"The model and {total} records of the library keep every rule.")


def build() -> None:
    """Make models/gvl.xml anew from the Antimony modules and the parameter tables.

    Whoever has changed a module or a table runs it, and commits what it writes.

    Examples:

    gvlab build
    """
    from gvlab.files import write_text
    from gvlab.library import Library
    from gvlab.model.build import build as build_model

    library = Library.default()
    if library.own:
        raise InvalidValueError("GVLAB_LIBRARY is set, and its rows would become ours. Unset it, and build again.")
    target = library.wiring_file().with_suffix(".xml")
    refuse_installed(target)
    write_text(target, build_model(library).sbml)
    out.print(f"Wrote {target}.")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    # A name in one piece can be searched for and copied.
    for position, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=position == 0)
    return table
