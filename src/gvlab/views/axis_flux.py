"""The axis on a day: how strongly each edge acts in an arm, and how that differs from the control arm."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gvlab.views.axis_diagram import DiagramEdge, axis_diagram_view, change_in_words
from gvlab.views.view import View, ViewRecipe

if TYPE_CHECKING:
    from gvlab.experiment.edge_flux import AxisFlux, EdgeFlux
    from gvlab.library.table_rows import EdgeRow

DECADES = 3.0
"""Rates differ by orders of magnitude; what is a thousand times weaker than the strongest has the width of a hair."""

UNIT = "1/day"
WIDTH = 880.0


def axis_flux_view(found: AxisFlux, *, width: float = WIDTH) -> View:
    """Return the axis with edges as wide as they act, colored by their change against the control arm.

    An edge that is off in the arm is dashed and crossed; one whose target is not there has no width.

    Parameters
    ----------
    found
        What `gvlab.experiment.edge_flux.axis_flux` returned.
    width
        Points across.
    """
    edges = [
        DiagramEdge(
            each.edge.edge, each.edge.source_node, each.edge.target_node, each.edge.sign == "+", each.on,
            each.flux if each.flux == each.flux else None, each.change,
        )
        for each in found.edges
    ]  # fmt: skip
    view = axis_diagram_view(
        edges,
        control=found.versus,
        title=f"The axis in {found.arm} on day {found.day:g}",
        width=width,
        decades=DECADES,
        labels={node: _broken(node) for each in edges for node in (each.source, each.target)},
        recipe=ViewRecipe(
            model=found.model,
            seed=found.seed,
            n=((found.arm, found.alive[0]), (found.versus, found.alive[1])),
        ),
    )
    notes = (
        *view.notes,
        f"Strength: the part of the rate of change of what an edge acts on that goes when its switch is set to 0, as a "
        f"share of what it acts on, {UNIT}; median over the subjects alive on that day. Width: logarithm of it over "
        f"{DECADES:g} decades. New: it does not act in {found.versus}.",
    )
    return dataclasses.replace(view, summary=_summary(found), notes=notes)


def wiring_view(edges: Sequence[EdgeRow], *, width: float = WIDTH) -> View:
    """Return who acts on whom in the model, without numbers.

    Parameters
    ----------
    edges
        Rows of the library.
    width
        Points across.
    """
    drawn = [DiagramEdge(each.edge, each.source_node, each.target_node, each.sign == "+") for each in edges]
    labels = {node: _broken(node) for each in drawn for node in (each.source, each.target)}
    view = axis_diagram_view(drawn, title="Who acts on whom", width=width, labels=labels)
    raising = sum(each.activates for each in drawn)
    said = f"{len(drawn)} edges between {len(labels)} things: {raising} raise and {len(drawn) - raising} lower."
    return dataclasses.replace(view, summary=said)


def _broken(node: str) -> str:
    """Return a label of one word a line."""
    return node.replace(" ", "\n")


def _summary(found: AxisFlux) -> str:
    """Return one sentence: what acts most, and what changed most against control."""
    acting = sorted((each for each in found.edges if each.on and each.flux > 0), key=lambda each: -each.flux)
    if not acting:
        return f"On day {found.day:g} no edge of the axis acts in {found.arm}."
    most = ", ".join(f"{_pair(each)} ({each.flux:.2g} per day)" for each in acting[:3])
    new = [each for each in acting if each.control == 0]
    ratios = sorted(
        (each for each in acting if each.control > 0 and not 1 / 1.1 < each.flux / each.control < 1.1),
        key=lambda each: -max(each.flux / each.control, each.control / each.flux),
    )
    said = [f"{_pair(each)} {change_in_words(each.change)}" for each in ratios[:3]]
    changed = "; ".join(said) or "nothing by more than a tenth"
    text = (
        f"In {found.arm} on day {found.day:g} the strongest edges are {most}; against {found.versus} the largest "
        f"changes are {changed}"
    )
    return text + (f"; acting here alone: {', '.join(map(_pair, new[:5]))}." if new else ".")


def _pair(each: EdgeFlux) -> str:
    return f"{each.edge.source_node} on {each.edge.target_node}"
