"""What the page shows of an answer, as parts: by the id of an element, what stands in it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from gvlab.errors import InvalidValueError
from gvlab.experiment.summary import Summary
from gvlab.library import Library
from gvlab.views import View, svg, table_html
from gvlab.web import limits
from gvlab.web.edit import Edited
from gvlab.web.form import form_of
from gvlab.web.laboratory import Answer
from gvlab.web.pictures import SURVIVAL, picture, picture_specs
from gvlab.web.state import BenchState, link_of
from gvlab.web.strip import strip_of
from gvlab.web.templates import render

PICTURE_WIDTH = 460.0
"""Points across of a picture on the bench."""


@dataclass(frozen=True)
class PageParts:
    """What a page swaps: HTML (or, of what is spoken, plain text) by the id of its place, and the link to it.

    Attributes
    ----------
    html
        By id.
    link
        Leads back to what is shown.
    numbers
        What it says, by arm.
    milliseconds
        What building the pictures and printing them took.
    """

    html: Mapping[str, str]
    link: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    milliseconds: Mapping[str, float] = field(default_factory=dict)


def numbers_of(summary: Summary) -> dict[str, dict[str, float | int | None]]:
    """Return what is said of each arm: how many live on the last day, of how many, and the median day of death."""
    return {
        arm.arm: {"alive": arm.alive, "n": arm.n, "median": None if math.isinf(arm.median) else arm.median}
        for arm in summary.arms
    }


def subjects_word(state: BenchState) -> str:
    """Return what the subjects are called: mice, where the host is a mouse."""
    host = state.experiment.system.record.host
    contexts = state.experiment.library.read("hosts", host).contexts if host else ()
    return "mice" if "species:mouse" in contexts else "subjects"


def result_parts(answer: Answer) -> PageParts:
    """Return pictures, tables and sentences of an answer."""
    began = time.perf_counter()
    views = views_of(answer)
    built = time.perf_counter()
    state = answer.state
    summary = answer.results.summary()
    said = numbers_of(summary) if not answer.refining else {}
    link = link_of(state, said)
    specs = picture_specs(state.experiment)
    word = subjects_word(state)
    if answer.refining:
        stage = f"{limits.FIRST_SUBJECTS} {word}, refining"
    else:
        stage = f"{state.subjects:,} {word} in every arm"
    second = next((name for name in views if name != SURVIVAL), "")
    html = {
        "pictures": render(
            "pictures.html.j2",
            views=[(name, view, Markup(svg(view, width=PICTURE_WIDTH)), Markup(table_html(view)))
                   for name, view in views.items()],
            specs=[spec for spec in specs.values() if spec.name != SURVIVAL],
            second=second,
        ),
        "summary": render("summary.html.j2", arms=summary.arm_table(), comparisons=summary.comparison_table()),
        "stage": render("stage.html.j2", text=stage, refining=bool(answer.refining)),
        "notes": render("notes.html.j2", notes=answer.notes),
        "error": "",
    }  # fmt: skip
    if not answer.refining:
        html["said"] = " ".join(view.summary for view in views.values()) + f" Simulated, {stage}."
    printed = time.perf_counter()
    times = {"view": 1e3 * (built - began), "print": 1e3 * (printed - built)}
    return PageParts(html, link, said, times)


def views_of(answer: Answer) -> dict[str, View]:
    """Return the pictures that a page shows at once: survival, and the second one that was chosen."""
    specs = picture_specs(answer.state.experiment)
    wanted = [SURVIVAL] if SURVIVAL in specs else []
    others = [name for name in specs if name != SURVIVAL]
    second = answer.state.look.second
    wanted += [second] if second in others else others[: 2 - len(wanted)]
    found: dict[str, View] = {}
    for name in wanted:
        try:
            found[name] = picture(answer.results, name)
        except InvalidValueError:
            # Nobody lives who could be read; the other pictures say so.
            continue
    return found


def form_parts(edited: Edited, library: Library) -> dict[str, str]:
    """Return the controls: all of them where they are others than before, else what is written beside them."""
    form = form_of(edited.state, library)
    strip = render("strip.html.j2", strip=strip_of(edited.state))
    if edited.anew:
        return {
            "strip": strip,
            "controls": render("controls.html.j2", form=form),
            "chooser": render("chooser.html.j2", form=form),
        }
    marks = {f"beyond-{slider.name}": slider.beyond for line in form.lines for slider in line.sliders}
    return {"strip": strip, **{key: render("beyond.html.j2", why=why) for key, why in marks.items()}}


def banner_of(state: BenchState, now: Mapping[str, Any]) -> str:
    """Return the banner of a link that was made with something else: what differs, and both numbers."""
    rows = []
    for arm, then in state.said.items():
        here = now.get(arm)
        if here is None or dict(then) != dict(here):
            rows.append((arm, _in_words(then), _in_words(here) if here else "not in this experiment"))
    if not state.differs and not rows:
        return ""
    return render("banner.html.j2", differs=state.differs, rows=rows, said=bool(state.said))


def _in_words(numbers: Mapping[str, Any]) -> str:
    alive, n, median = numbers.get("alive"), numbers.get("n"), numbers.get("median")
    share = f"{alive} of {n} alive" if alive is not None and n is not None else "alive: unknown"
    return f"{share}, median {'not reached' if median is None else f'day {median:.4g}'}"
