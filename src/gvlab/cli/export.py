"""gvlab export: the model for other programs, with or without what a subject is given."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gvlab.cli.common import out, show_or_write
from gvlab.errors import InvalidValueError


class Form(StrEnum):
    """A form in which the model can be written."""

    SBML = "sbml"
    ANTIMONY = "antimony"
    PAGE = "page"


def export(
    form: Annotated[
        Form,
        typer.Argument(help="sbml (for COPASI, libRoadRunner, ...), antimony (for reading), or page (for a browser)."),
    ],
    name: Annotated[str, typer.Argument(help="Of a page: the experiment. See gvlab list experiments.")] = "",
    with_doses: Annotated[
        str, typer.Option("--with-doses", help="Write the doses of this experiment into it, one event each.")
    ] = "",
    arm: Annotated[str, typer.Option(help="Whose doses; the last arm when left out.")] = "",
    system: Annotated[str, typer.Option(help="In which system; the experiment's first when left out.")] = "",
    subjects: Annotated[int, typer.Option(min=10, max=1000, help="Of a page: virtual subjects in every arm.")] = 100,
    file: Annotated[Path | None, typer.Option("--out", help="File to write; the screen when left out, or -.")] = None,
) -> None:
    """Write the model for another program.

    Plain SBML holds the model without doses, with the default values. With --with-doses it holds what the typical
    subject of an arm goes through: its parameters, its condition, and one time-triggered event for each dose, so that
    COPASI or libRoadRunner draw the same curve.

    A page is one file that opens from disk, on a phone too, and asks nothing of the network: sliders over a grid of
    doses and days that is computed now, for the arm that is named (the last one). It needs gvlab\\[web].

    Examples:

    gvlab export sbml --out gvl.xml

    gvlab export sbml --with-doses mathew2018_survival --arm "BM + T cells + sorafenib" --out arm.xml

    gvlab export page mathew2018_survival --system b6_into_balbc_wehi3b --out bench.html
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.library import Library
    from gvlab.model.build import build
    from gvlab.model.model import Model

    if form is Form.PAGE:
        _page(name, system, arm, subjects, file)
        return
    if name:
        raise InvalidValueError(f'"{name}" is for a page. The doses of an experiment: --with-doses {name}.')
    if not with_doses and (arm or system):
        raise InvalidValueError(
            "An arm and a system belong to an experiment. Name it: --with-doses EXPERIMENT; see gvlab list experiments."
        )
    library = Library.default()
    if with_doses:
        from gvlab.experiment import Experiment
        from gvlab.simulation.export import typical_subject

        experiment = Experiment.read(with_doses, system or None, library)
        chosen = experiment.arm(arm) if arm else experiment.arms[-1]
        text = typical_subject(experiment.model, experiment.system.typical(), chosen.protocol, chosen.condition)
    else:
        text = Model.default(library).sbml
    if form is Form.ANTIMONY:
        text = build(library).antimony if not with_doses else _antimony(text)
    if show_or_write(file, text):
        out.print(f"Wrote {file}.", highlight=False)


def _page(name: str, system: str, arm: str, subjects: int, file: Path | None) -> None:
    """Write a page that needs no server."""
    from gvlab.cli.common import progress_bar
    from gvlab.files import prepare_output_file, write_text
    from gvlab.library import Library
    from gvlab.web.offline import offline_page, offline_state
    from gvlab.workflows.progress import Progress

    if not name:
        raise InvalidValueError("Name the experiment: gvlab export page EXPERIMENT --out bench.html.")
    if file is None:
        raise InvalidValueError("A page is a file; name it: --out bench.html.")
    prepare_output_file(file)
    library = Library.default()
    state = offline_state(library, name, system, arm, subjects)
    with progress_bar() as bar:
        text = offline_page(
            state, library, progress=lambda done, total: bar(Progress("Computing the grid", done, total, "points"))
        )
    write_text(file, text)
    size = len(text.encode()) / 1e6
    out.print(f"Wrote {file} ({size:.1f} MB). Open it in any browser; it needs no server.", highlight=False)


def _antimony(sbml: str) -> str:
    import antimony

    antimony.clearPreviousLoads()
    antimony.loadSBMLString(sbml)
    return str(antimony.getAntimonyString(None))
