"""PaperRun: the paper's experiments on a few virtual subjects, run once in the background and kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gvlab.errors import GVLabError, OutputError
from gvlab.files import make_folder, write_bytes, write_text
from gvlab.library import Library
from gvlab.model.model import Model
from gvlab.provenance import sha256
from gvlab.simulation.cancel import CancelToken
from gvlab.workflows.bundle import Table
from gvlab.workflows.progress import Progress
from gvlab.workflows.run_study import FIGURES_FOLDER, RunRequest, run_study

FINDINGS = "findings.json"


@dataclass(frozen=True)
class PaperResult:
    """What came of the paper's experiments.

    Attributes
    ----------
    findings
        What is said of each claim, by its id, as plain values.
    figures
        Names of the figures, SVG.
    folder
        Where they lie.
    subjects
        Virtual subjects that went through every arm.
    """

    findings: Mapping[str, Mapping[str, Any]]
    figures: tuple[str, ...]
    folder: Path
    subjects: int

    def figure(self, name: str) -> bytes | None:
        """Return a figure, None where there is none of that name."""
        return (self.folder / name).read_bytes() if name in self.figures else None


@dataclass
class PaperRun:
    """Runs a study once, in a thread of its own, and keeps what came of it for the next start.

    Attributes
    ----------
    library, study
        What is run.
    folder
        Where it is kept.
    """

    library: Library
    study: str
    folder: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None
    _where: Progress | None = None
    _error: str = ""
    _cancel: CancelToken = field(default_factory=CancelToken)

    @property
    def request(self) -> RunRequest:
        """What is asked: a quick run, since a page waits for it."""
        return RunRequest(name=self.study, quick=True, ensemble=False)

    @property
    def place(self) -> Path:
        """The folder of this model, these parameters and this request: another model has another one."""
        parameters = "\n".join(row.model_dump_json() for row in self.library.parameter_rows())
        records = "".join(each.model_dump_json() for each in self.library.read_all("findings").values())
        key = sha256(self.request.sha256 + Model.default(self.library).sha256 + sha256(parameters + records))
        return self.folder / "paper" / key[:24]

    def result(self) -> PaperResult | None:
        """Return what came of it, None where it was not run to its end."""
        place = self.place
        try:
            said = json.loads((place / FINDINGS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        figures = tuple(sorted(path.name for path in place.glob("*.svg")))
        return PaperResult({each["id"]: each for each in said["findings"]}, figures, place, self.request.followed)

    def start(self) -> None:
        """Begin, unless it is running or was run."""
        with self._lock:
            if self.running or self.result() is not None:
                return
            self._error, self._where = "", None
            self._thread = threading.Thread(target=self._run, name="bench-paper", daemon=True)
            self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it is being run now."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def in_words(self) -> str:
        """Where it stands, or why it failed."""
        if self._error:
            return self._error
        where = self._where
        if where is None:
            return "Beginning …"
        count = f": {where.done:,.0f} of {where.total:,.0f} {where.unit}" if where.total and where.unit else ""
        return f"{where.stage}{count}"

    def stop(self) -> None:
        """Stop it; nothing of it is kept."""
        self._cancel.cancel()

    def _run(self) -> None:
        def tell(where: Progress) -> None:
            self._where = where

        try:
            bundle = run_study(self.request, library=self.library, progress=tell, cancel=self._cancel)
            place = self.place
            make_folder(place)
            for path, part in bundle.documents.items():
                name = path.removeprefix(f"{FIGURES_FOLDER}/")
                if path.startswith(FIGURES_FOLDER) and name.endswith(".svg") and not isinstance(part, Table):
                    content = part if isinstance(part, bytes) else part.encode() if isinstance(part, str) else b""
                    write_bytes(place / name, content)
            # The file that says it is whole comes last.
            write_text(place / FINDINGS, bundle.found.to_json())
        except (GVLabError, OutputError) as error:
            self._error = str(error)
