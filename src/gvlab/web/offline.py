"""A page without a server: one file with sliders over a grid that was computed; grid points, nothing in between."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from gvlab.errors import GVLabError, InvalidValueError
from gvlab.library import Library
from gvlab.provenance import versions
from gvlab.simulation.cancel import CancelToken
from gvlab.views import stylesheet, svg, table_html
from gvlab.views.view import CONTEXT_OF_USE
from gvlab.web.answer import PICTURE_WIDTH, subjects_word, views_of
from gvlab.web.edit import edited
from gvlab.web.form import Slider, form_of
from gvlab.web.laboratory import Laboratory
from gvlab.web.state import BenchState
from gvlab.web.templates import render

MAX_BYTES = 10_000_000
"""Of the page."""

POINTS = (7, 5, 5)
"""Places of the first, the second and the third slider."""

_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class GridAxis:
    """A slider of the page: what it moves, its words, and where it begins."""

    name: str
    title: str
    words: tuple[str, ...]
    at: int


def grid_axes(state: BenchState, library: Library, points: Sequence[int] = POINTS) -> tuple[GridAxis, ...]:
    """Return the sliders of the chosen arm that a page can have: doses and first days of what differs between arms."""
    lines = [line for line in form_of(state, library).lines if line.given and not line.common]
    # What is given again and again is what an experiment asks about; its dose and its beginning come first.
    lines.sort(key=lambda line: -len(line.sliders))
    wanted = [(line.title, slider) for line in lines for slider in line.sliders[:2]]
    return tuple(
        GridAxis(slider.name, f"{title}: {slider.label}", *_places(slider, many))
        for (title, slider), many in zip(wanted, points, strict=False)
    )


def _places(slider: Slider, many: int) -> tuple[tuple[str, ...], int]:
    """Return some of a slider's words around where it stands, and the place of that one."""
    last = len(slider.words) - 1
    if slider.name.endswith(".amount"):
        low, high = 0, last
    else:
        low, high = max(0, slider.at - 6), min(last, slider.at + 10)
    chosen = {round(low + (high - low) * number / (many - 1)) for number in range(many)}
    # Where it stands takes the place of the nearest one; the ends stay where they can.
    nearest = min(chosen, key=lambda place: (abs(place - slider.at), place in (low, high), place))
    places = sorted((chosen - {nearest}) | {slider.at})
    return tuple(slider.words[place] for place in places), places.index(slider.at)


def offline_page(
    state: BenchState,
    library: Library,
    *,
    points: Sequence[int] = POINTS,
    progress: Callable[[int, int], None] | None = None,
    cancel: CancelToken | None = None,
) -> str:
    """Return the page: pictures and tables of every point of the grid, and the script that shows one of them.

    Parameters
    ----------
    state
        What is shown at first; the sliders are those of its chosen arm.
    library
        Where its records are read.
    points
        Places of each slider.
    progress
        Told how many points are computed, of how many.
    cancel
        Stops it.

    Raises
    ------
    InvalidValueError
        If the chosen arm has nothing to move, or the page would be larger than `MAX_BYTES`.
    """
    axes = grid_axes(state, library, points)
    if not axes:
        raise InvalidValueError(
            f'The arm "{state.look.arm}" has nothing that other arms do not have; name another arm.'
        )
    laboratory, found = Laboratory(library), {}
    places = list(itertools.product(*(range(len(axis.words)) for axis in axes)))
    size = 0
    for number, place in enumerate(places):
        fields = {axis.name: axis.words[at] for axis, at in zip(axes, place, strict=True)}
        try:
            moved = edited(state, library, fields).state
            answer = laboratory.answer(moved, cancel=cancel)
        except GVLabError as error:
            if cancel is not None and cancel.cancelled:
                raise
            point = {"pictures": "", "said": str(error)}
        else:
            views = views_of(answer)
            shown = [
                (view, Markup(svg(view, width=PICTURE_WIDTH)), Markup(table_html(view, most=12)))
                for index, view in enumerate(views.values())
            ]
            point = {
                "pictures": render("offline_pictures.html.j2", views=shown[:2]),
                "said": " ".join(view.summary for view in views.values()),
            }
        found[",".join(map(str, place))] = point
        size += sum(len(text.encode()) for text in point.values()) + 40
        if size > MAX_BYTES:
            raise InvalidValueError(f"The page would be larger than {MAX_BYTES:,} bytes. Ask for fewer points or arms.")
        if progress is not None:
            progress(number + 1, len(places))
    about = f"{state.subjects} virtual {subjects_word(state)} in every arm, seed {state.seed}; {len(places)} points."
    start = ",".join(str(axis.at) for axis in axes)
    # "</" would end the element that holds the data; JSON may write a slash behind a backslash.
    data = json.dumps(found, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/").replace("<!--", "<\\!--")
    return render(
        "offline.html.j2",
        title=state.experiment.title,
        system=state.experiment.system.title,
        arm=state.look.arm,
        axes=axes,
        words=[json.dumps(axis.words, ensure_ascii=False) for axis in axes],
        style=Markup(stylesheet() + (_STATIC / "bench.css").read_text(encoding="utf-8")),
        script=Markup((_STATIC / "bench.js").read_text(encoding="utf-8").replace("</script", "<\\/script")),
        data=Markup(data),
        first=Markup(found[start]["pictures"]),
        said=found[start]["said"],
        context=CONTEXT_OF_USE,
        version=versions().get("gvlab", ""),
        model=state.experiment.model.sha256[:12],
        about=about,
    )


def offline_state(library: Library, name: str, system: str, arm: str, subjects: int) -> BenchState:
    """Return the state that a page of an experiment begins with; errors as `BenchState.start` and `Experiment.arm`."""
    state = BenchState.start(library, name, system or None)
    if arm:
        state = state.with_look(arm=state.experiment.arm(arm).name)
    return replace(state, file=replace(state.file, subjects=subjects))
