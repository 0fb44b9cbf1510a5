"""Why two arms differ: shares of edges as bars, with the interval over mice and the range over plausible sets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gvlab.views.palette import Style
from gvlab.views.shares import Share, shares_view
from gvlab.views.view import Key, View, ViewRecipe

if TYPE_CHECKING:
    from gvlab.experiment.why import EdgeShare, Why

LEAST = 0.01
"""Edges that take less of the difference than this, and whose interval holds 0, are counted and not drawn."""

MOST = 12


def why_view(answer: Why) -> View:
    """Return the shares of the edges, the largest first.

    Raises
    ------
    InvalidValueError
        If the arms do not differ, so that there are no shares.
    """
    shown = [each for each in answer.shares if abs(each.share) >= LEAST or each.lower > 0 or each.upper < 0][:MOST]
    shown = shown or list(answer.shares[:1])
    left_out = len(answer.shares) - len(shown)
    sets = answer.sets > 0
    notes = [
        "Bar: share of the difference that is lost when the edge is cut in both arms; line: 95 % interval over mice.",
        *(["Ticks: least and most over plausible parameter sets."] if sets else []),
        *([f"{left_out} edges take nothing and are not drawn."] if left_out else []),
    ]
    view = shares_view(
        [_share(each) for each in shown],
        title=f"Why {answer.arm} differs from {answer.versus}",
        label="Share of the difference",
        summary=" ".join(answer.sentences()),
        lines=(100 / 3,),
        bars=True,
        keys=[Key("share, with its interval over mice", Style("arm-3"), "fill")],
        recipe=ViewRecipe(model=answer.model, seed=answer.seed, n=((answer.arm, answer.subjects),)),
        notes=tuple(notes),
    )
    return view


def _share(each: EdgeShare) -> Share:
    ticks = (100 * each.low, 100 * each.high) if math.isfinite(each.low) else ()
    tone = "arm-3" if each.share >= 0 else "arm-2"
    return Share(each.in_words, 100 * each.share, 100 * each.lower, 100 * each.upper, tone, ticks)
