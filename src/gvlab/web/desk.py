"""Desk: what every page and request of one server shares."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gvlab.engine.request import cores
from gvlab.errors import CancelledError, GVLabError, InvalidValueError
from gvlab.library import Library
from gvlab.library.listing import looked_at_once
from gvlab.provenance import versions
from gvlab.simulation.cancel import CancelToken
from gvlab.store.run_store import KeptRun, RunStore
from gvlab.web import limits
from gvlab.web.answer import banner_of, form_parts, numbers_of, result_parts
from gvlab.web.edit import Edited, edited
from gvlab.web.laboratory import Answer, Laboratory
from gvlab.web.panels import panel_parts, tabs_part
from gvlab.web.paper_run import PaperRun
from gvlab.web.plan_panel import REGISTER
from gvlab.web.shown_data import ShownData
from gvlab.web.state import TABS, BenchState, encoded, state_of_link

Emit = Callable[[Mapping[str, Any]], None]

KEEP = "keep"
"""The button that keeps a run; it changes nothing of the experiment."""

FAULT = (
    "This could not be answered: there is a fault in GVLab. What you see stays; Undo goes back. The terminal in which "
    "the bench runs says more; please report it."
)
"""What a page says of an error that none of our rules foresaw."""

_KEYS = {"n", "state", "fields", "changed", "action", "link"}


@dataclass
class Desk:
    """What every page and request of one server shares.

    Attributes
    ----------
    library, laboratory
        Where experiments are read, and who runs them.
    experiment, system
        What the bench opens with.
    store
        Where runs are kept.
    pool
        Threads that work; more requests than these wait.
    waiting
        Messages of pages that have not been answered yet.
    own
        Pictures of readers' own data.
    opened
        The state it opens with, in place of an experiment of the library: that of an archive.
    paper
        The paper's own experiments; None where the library has no study.
    """

    library: Library
    laboratory: Laboratory
    experiment: str
    store: RunStore
    system: str | None = None
    opened: BenchState | None = None
    paper: PaperRun | None = None
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max(2, cores()), "bench"))
    waiting: int = 0
    own: ShownData = field(default_factory=ShownData)

    @classmethod
    def of(cls, library: Library, experiment: str, system: str | None = None, *, folder: Path | None = None) -> Desk:
        """Return a desk over a library; errors as `BenchState.start`."""
        BenchState.start(library, experiment, system)
        store = RunStore(folder)
        studies = library.names("studies")
        paper = PaperRun(library, studies[0], store.folder) if studies else None
        return cls(library, Laboratory(library), experiment, store, system, paper=paper)

    def start(self) -> BenchState:
        """Return the state with which the bench opens."""
        if self.opened is not None:
            return self.opened
        return BenchState.start(self.library, self.experiment, self.system)

    def warm_up(self) -> None:
        """Run what the bench opens with, with few and with all subjects: its first page and key wait for no code."""
        result_parts(self.laboratory.answer(self.start(), first=lambda _: None))

    def ready(self, state: BenchState) -> Answer | None:
        """Return the answer to a state where every arm was run already; None where it would take time."""
        return self.laboratory.known(state)

    def about(self) -> dict[str, str]:
        """Return what the foot of every page says."""
        return {"version": versions().get("gvlab", ""), "model": self.start().experiment.model.sha256[:12]}

    def link_of_kept(self, run: KeptRun) -> str:
        """Return the link to a kept run, with what it said when it was kept."""
        return encoded({**run.state, "said": dict(run.numbers)})

    # ------------------------------------------------------------------------------------------------ one message

    def respond(self, text: str, cancel: CancelToken, emit: Emit) -> None:
        """Work on a message of a page: hand out the controls, a first answer, and the whole one.

        Nothing is raised: what is wrong with a message is an answer too, with the control it belongs to.
        """
        number, changed = 0, ""
        try:
            message = _message(text)
            number = message["n"]
            _check(message)
            changed = message.get("changed", "")
            with looked_at_once():
                self._respond(message, cancel, lambda part: emit({"n": number, **part}))
        except CancelledError:
            return
        except GVLabError as error:
            emit({"n": number, "stage": "error", "field": changed, "parts": {"error": str(error)}})
        except Exception as error:
            # A fault of ours: it is written down where the server runs, and the page does not wait for ever.
            logging.getLogger(__name__).exception("A message of a page could not be answered.")
            emit({"n": number, "stage": "error", "parts": {"error": f"{FAULT} ({type(error).__name__})"}})

    def _respond(self, message: Mapping[str, Any], cancel: CancelToken, emit: Emit) -> None:
        done = self.edit(message)
        state = done.state
        form = {**form_parts(done, self.library), "tabs": tabs_part(state), "banner": ""}
        edit: Mapping[str, Any] = {"stage": "edited", "state": state.to_dict(), "parts": form}
        waiting = [edit]
        if done.anew:
            emit(waiting.pop())

        def say(part: Mapping[str, Any]) -> None:
            # What an edit changed of the same controls comes with the first answer: the page is painted once.
            if waiting:
                held = waiting.pop()
                part = {**held, **part, "parts": {**held["parts"], **part["parts"]}}
            emit(part)

        def first(answer: Answer) -> None:
            shown = result_parts(answer)
            say(
                {
                    "stage": "refining",
                    "parts": shown.html,
                    "link": shown.link,
                    "ms": {**answer.milliseconds, **shown.milliseconds},
                }
            )

        # Where more wait than there are cores, a first answer would only make everybody wait longer.
        alone = self.waiting <= cores()
        try:
            answer = self.laboratory.answer(state, cancel=cancel, first=first if alone else None)
            shown = result_parts(answer)
        except Exception:
            if waiting:
                emit(waiting.pop())
            raise
        html = dict(shown.html)
        if done.notes:
            html["notes"] = "".join([html["notes"], _notes(done.notes)])
        if message.get("link"):
            html["banner"] = banner_of(state, shown.numbers)
        html["kept"] = self.keep(answer) if message.get("action") == KEEP else ""
        whole = {"parts": html, "link": shown.link, "ms": {**answer.milliseconds, **shown.milliseconds}}
        action = str(message.get("action", ""))
        if state.look.tab == TABS[0] and action != REGISTER:
            say({"stage": "done", **whole, "parts": {**html, "panel": ""}})
            return
        # A panel takes a while; the result does not wait for it.
        say({"stage": "panel", **whole})
        cancel.check()
        moved = "" if done.anew or message.get("link") else message.get("changed", "")
        emit({"stage": "done", "parts": panel_parts(answer, cancel, moved, action)})

    def keep(self, answer: Answer) -> str:
        """Keep a run; return what is said of it."""
        self.store.keep(answer.results, answer.state.to_dict(), numbers_of(answer.results.summary()))
        return "Kept. It is on the page Runs, also after a restart."

    def edit(self, message: Mapping[str, Any]) -> Edited:
        """Return the state after a message: that of a link, or the one that was sent with its controls set."""
        if message.get("link"):
            return Edited(state_of_link(message["link"], self.library), True)
        state = BenchState.from_dict(message.get("state"), self.library)
        fields, action = message.get("fields", {}), message.get("action", "")
        action = "" if action in (KEEP, REGISTER) else action
        return edited(state, self.library, fields, action, message.get("changed", ""))


def _notes(notes: tuple[str, ...]) -> str:
    from gvlab.web.templates import render

    return render("notes.html.j2", notes=notes)


def _message(text: str) -> dict[str, Any]:
    """Return a message of a page and its number, before anything is made of it."""
    if len(text) > limits.MAX_MESSAGE:
        raise InvalidValueError(f"A message has {len(text):,} letters; at most {limits.MAX_MESSAGE:,} are taken.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidValueError("A message is JSON; this one is not.") from None
    if not isinstance(message, dict) or not isinstance(message.get("n"), int) or isinstance(message.get("n"), bool):
        raise InvalidValueError('A message has keys, and "n" is its number.')
    return message


def _check(message: Mapping[str, Any]) -> None:
    """Raise if a message is larger than a page's, or says what no page says."""
    unknown = sorted(message.keys() - _KEYS)
    if unknown:
        raise InvalidValueError(f'A message has no "{unknown[0][:40]}"; it has {", ".join(sorted(_KEYS))}.')
    limits.check_size(message, "The message")
    for key in ("changed", "action", "link"):
        if not isinstance(message.get(key, ""), str):
            raise InvalidValueError(f'"{key}" of a message is text.')
    fields = message.get("fields", {})
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise InvalidValueError('"fields" of a message holds text by the name of a control.')
