"""gvlab why: which edges of the model carry the difference of two arms, and what they rest on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gvlab.cli.common import out, progress_bar


def why(
    experiment: Annotated[str, typer.Argument(help="An experiment; gvlab list experiments shows all.")],
    arm: Annotated[str, typer.Option(help="An arm of it.")],
    versus: Annotated[str, typer.Option(help="The arm it is compared with.")],
    reading: Annotated[
        str, typer.Option(help="An endpoint of the library or an output of the model.", show_default="survival")
    ] = "",
    day: Annotated[str, typer.Option(help='When it is read, such as "day 12".', show_default="the last day")] = "",
    under: Annotated[
        list[str] | None,
        typer.Option(help="A condition under which both arms are asked (gvlab list conditions); again for more."),
    ] = None,
    system: Annotated[str, typer.Option(help="One of the experiment's systems.", show_default="the first one")] = "",
    subjects: Annotated[int, typer.Option(help="Mice, the same in every arm.")] = 100,
    sets: Annotated[int, typer.Option(help="Plausible parameter sets that are asked as well; 0 for none.")] = 30,
    seed: Annotated[int, typer.Option(help="Of the mice.")] = 2018,
    json: Annotated[Path | None, typer.Option(help="Write the answer to this file.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Write the bars to this file.")] = None,
) -> None:
    """Say why two arms differ: each edge is cut in both, with the same mice, and what is lost is its share.

    With the interval over mice and the range over plausible parameter sets; below, for the edges that carry most, the
    equation, the parameters in it, and where each number comes from.

    Examples:

    gvlab why mathew2018_survival --arm "BM + T cells + sorafenib" --versus "BM + T cells"

    gvlab why mathew2018_survival --arm "BM + T cells + sorafenib" --versus BM --under il15_deficient_leukemia

    gvlab why mathew2018_axis --arm sorafenib --versus vehicle --reading IL15_serum --json why.json
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.files import write_text
    from gvlab.workflows.explain_difference import WhyRequest, explain_difference

    request = WhyRequest(
        experiment=experiment, arm=arm, versus=versus, reading=reading, day=day, under=tuple(under or ()),
        system=system, subjects=subjects, sets=sets, seed=seed,
    )  # fmt: skip
    with progress_bar() as bar:
        found = explain_difference(request, progress=bar)
    for sentence in found.answer.sentences():
        out.print(escape(sentence), highlight=False)
    if found.answer.shares:
        table = Table(title_justify="left", header_style="bold", pad_edge=False)
        for name, justify in (("edge", "left"), ("share", "right"), ("95 % over mice", "right"), ("sets", "right")):
            table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
        for each in found.answer.shares:
            over = f"{100 * each.low:.0f} to {100 * each.high:.0f} %" if each.low == each.low else "–"
            interval = f"{100 * each.lower:.0f} to {100 * each.upper:.0f} %"
            table.add_row(escape(each.in_words), f"{100 * each.share:.0f} %", interval, over)
        out.print(table)
    for evidence in found.evidence:
        for line in evidence.lines:
            out.print(escape(line), highlight=False)
    if json is not None:
        write_text(json, found.to_json())
        out.print(f"Written: {escape(str(json))}")
    if svg is not None:
        from gvlab.views import svg as printed
        from gvlab.views.why import why_view

        write_text(svg, printed(why_view(found.answer), standalone=True))
        out.print(f"Written: {escape(str(svg))}")
