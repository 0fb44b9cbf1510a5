"""The text for the board that approves animal experiments, on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gvlab.planning.animals import AnimalCount, three_rs
from gvlab.planning.arrive import products_in_words, randomization_in_words, shams_in_words, unit_in_words
from gvlab.planning.design_sheet import PLAN_MARK
from gvlab.planning.plan import Plan
from gvlab.planning.protocol_details import TO_FILL, ProtocolDetails, missing_in_words
from gvlab.protocol import Protocol

if TYPE_CHECKING:
    from fpdf import FPDF, FontFace


@dataclass(frozen=True)
class BoardPage:
    """What stands on the page.

    Attributes
    ----------
    title, mark
        At the top.
    sections
        Heading and text.
    animals
        Rows of what for, how many, why.
    missing
        Required fields that are empty.
    """

    title: str
    mark: str
    sections: tuple[tuple[str, str], ...]
    animals: tuple[tuple[str, str, str], ...]
    missing: tuple[str, ...]


def board_page(
    plan: Plan,
    per_arm: int,
    animals: AnimalCount,
    details: ProtocolDetails,
    sampling: Sequence[str],
    strata: Mapping[str, float] | None,
    version: str,
) -> BoardPage:
    """Return the page of a plan.

    Parameters
    ----------
    plan, per_arm
        What is planned, and with how many.
    animals
        Counted whole.
    details
        What the laboratory has said.
    sampling
        Sentences on blood and readings.
    strata
        Of the randomization.
    version
        Of GVLab.
    """
    experiment = plan.experiment
    arms = _procedures(plan, per_arm)
    humane = details.humane(experiment)
    missing = tuple(details.missing(experiment))
    sections = (
        ("Question", f"{experiment.title}. {_question(plan)} System: {experiment.system.title}."),
        ("Severity", details.severity or TO_FILL),
        ("Groups and procedures", f"{arms} {products_in_words(plan, details)} {shams_in_words(plan)}"),
        ("Humane endpoints", f"{humane}."),
        ("Sampling", " ".join(sampling) or "Nothing is taken from living animals."),
        (
            "Number of animals",
            f"{' '.join(plan.in_words()[:-1])} {' '.join(line.strip() for line in plan.at_in_words(per_arm))} "
            f"Computed with GVLab {version} from a model of the disease, not from an assumed effect; the model can be "
            "wrong, "
            "and the range over plausible parameter sets says by how much within what is known.",
        ),
        (
            "Unit, randomization, blinding",
            f"{unit_in_words(plan.layout)} {randomization_in_words(plan.layout, strata)}",
        ),
        ("3Rs", three_rs(animals, _reduction(plan, per_arm), humane)),
    )
    rows = tuple((str(what), str(n), str(why)) for what, n, why in animals.table.itertuples(index=False))
    return BoardPage(
        experiment.title,
        f"{PLAN_MARK}. GVLab {version}.",
        sections,
        (*rows, ("all", str(animals.total), _all(animals))),
        missing,
    )


def _all(animals: AnimalCount) -> str:
    return f"not counted: {'; '.join(animals.unknown)}" if animals.unknown else "every animal of this study"


def _procedures(plan: Plan, per_arm: int) -> str:
    """Return what every arm gets, and what each gets beside it."""
    arms, sizes = plan.experiment.arms, plan.sizes(per_arm)
    shared = [dose for dose in arms[0].protocol if all(dose in arm.protocol.doses for arm in arms)]
    found = [f"All arms: {Protocol(tuple(shared)).in_words()}"] if shared else []
    for arm in arms:
        own = Protocol(tuple(dose for dose in arm.protocol if dose not in shared))
        words = own.in_words() if own.doses else "Nothing else." if shared else "Nothing is given."
        condition = f" ({arm.condition})" if arm.condition else ""
        found.append(f"{arm.name}, {sizes[arm.name]} animals{condition}: {words}")
    return " ".join(found)


def _reduction(plan: Plan, per_arm: int) -> str:
    if per_arm == plan.recommended:
        return f"{per_arm} animals per arm are the fewest that reach the power asked for, computed and not guessed"
    found = "no number tried reaches it" if plan.recommended is None else f"{plan.recommended} would do"
    return f"{per_arm} animals per arm were asked for; for {100 * plan.power:g} % power {found}"


def _question(plan: Plan) -> str:
    return "Compared: " + "; ".join(each.in_words() for each in plan.comparisons) + "."


_LARGEST, _SMALLEST, _STEP = 9.0, 5.5, 0.25
_MARGIN_MM = 14.0
_RED = (156, 0, 6)


def save_board_page(path: Path, page: BoardPage) -> None:
    """Save the page as PDF, A4, the text as large as one page allows.

    Parameters
    ----------
    path
        Of the .pdf.
    page
        What stands on it.
    """
    size = _LARGEST
    document = _printed(page, size)
    while document.pages_count > 1 and size > _SMALLEST:
        size -= _STEP
        document = _printed(page, size)
    path.write_bytes(bytes(document.output()))


def _printed(page: BoardPage, size: float) -> FPDF:
    """Return the document in letters of a size, in points."""
    import matplotlib
    from fpdf import FPDF, FontFace

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    document = FPDF(format="A4")
    document.set_margin(_MARGIN_MM)
    document.set_auto_page_break(True, _MARGIN_MM)
    document.add_font("DejaVu", "", fonts / "DejaVuSans.ttf")
    document.add_font("DejaVu", "B", fonts / "DejaVuSans-Bold.ttf")
    document.set_title(page.title)
    document.set_creator("GVLab")
    document.add_page()
    line = 0.45 * size

    def write(text: str, *, bold: bool = False, points: float = size, red: bool = False) -> None:
        # What is to be filled in stands out, wherever it is.
        for number, part in enumerate(text.split(TO_FILL)):
            for words, marked in ((TO_FILL, True), (part, red)) if number else ((part, red),):
                document.set_font("DejaVu", "B" if bold or marked != red else "", points)
                document.set_text_color(*(_RED if marked else (0, 0, 0)))
                document.write(0.45 * points, words)
        document.ln(0.45 * points)

    write(page.title, bold=True, points=1.5 * size)
    write(page.mark, red=True)
    if page.missing:
        write(f"Required and still {TO_FILL}: {missing_in_words(page.missing)}.", bold=True, red=True)
    for heading, text in page.sections:
        document.ln(0.4 * line)
        write(heading, bold=True)
        write(text)
        if heading == "Number of animals":
            document.ln(0.3 * line)
            _table(document, page, size, FontFace(emphasis="BOLD"))
    return document


def _table(document: FPDF, page: BoardPage, size: float, head: FontFace) -> None:
    document.set_font("DejaVu", "", 0.9 * size)
    document.set_text_color(0, 0, 0)
    with document.table(
        col_widths=(32, 10, 58),
        text_align=("LEFT", "RIGHT", "LEFT"),
        line_height=0.42 * size,
        borders_layout="HORIZONTAL_LINES",
        headings_style=head,
    ) as table:
        for cells in (("Animals", "n", "why so many"), *page.animals):
            row = table.row()
            for cell in cells:
                row.cell(cell)
