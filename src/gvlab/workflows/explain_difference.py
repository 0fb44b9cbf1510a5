"""Say why two arms of an experiment differ: the share of each edge, and what the edge rests on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from gvlab.experiment.edge_evidence import EdgeEvidence, edge_evidence
from gvlab.experiment.experiment import Experiment
from gvlab.experiment.why import SUBJECTS, Why, cuttable, why
from gvlab.library import Library
from gvlab.workflows.progress import CancelToken, ProgressSink, Stage
from gvlab.workflows.request import Request

EXPLAINED = 3
"""Edges whose evidence is given: those with the largest shares."""


class WhyRequest(Request):
    """Which difference is explained."""

    experiment: str
    """An experiment of the library."""
    arm: str
    """An arm of it."""
    versus: str
    """The arm it is compared with."""
    system: str = ""
    """One of the experiment's systems; its first where empty."""
    reading: str = ""
    """An endpoint of the library or an output of the model; survival where empty."""
    day: str = ""
    """When it is read, such as "day 12"; the last day where empty."""
    under: tuple[str, ...] = ()
    """Conditions under which both arms are asked, such as a knock-out."""
    subjects: int = Field(default=SUBJECTS, ge=2, le=5000)
    """Mice, the same in both arms, cut or not."""
    seed: int = Field(default=2018, ge=0)
    """Of the mice."""
    sets: int = Field(default=30, ge=0, le=500)
    """Plausible parameter sets that are asked as well; 0 for none."""
    ensemble: str = ""
    """Of the library; the only one where empty."""


@dataclass(frozen=True)
class Explained:
    """Why two arms differ, and what the edges that carry most of it rest on."""

    answer: Why
    evidence: tuple[EdgeEvidence, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**self.answer.to_dict(), "evidence": [each.to_dict() for each in self.evidence]}

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def explain_difference(
    request: WhyRequest,
    *,
    library: Library | None = None,
    progress: ProgressSink | None = None,
    cancel: CancelToken | None = None,
) -> Explained:
    """Return which edges carry the difference of two arms, and what they rest on.

    Parameters
    ----------
    request
        Which difference.
    library
        The default one where None.
    progress, cancel
        Told where it stands; stops it.

    Raises
    ------
    UnknownNameError
        If there is no such experiment, system, arm or reading.
    InvalidValueError
        If an arm is compared with itself, or nobody can be read.
    """
    held = Library.default() if library is None else library
    experiment = Experiment.read(request.experiment, request.system or None, held)
    pair = experiment.arm(request.arm), experiment.arm(request.versus)
    edges = cuttable(experiment, pair)
    stage = Stage("Cutting every edge in both arms", 2 * request.subjects * (len(edges) + 1), "mice", sink=progress,
                  cancel=cancel)  # fmt: skip
    answer = why(
        experiment,
        request.arm,
        request.versus,
        reading=request.reading,
        day=request.day,
        under=request.under,
        seed=request.seed,
        subjects=request.subjects,
        sets=request.sets,
        ensemble=request.ensemble,
        progress=stage.advance,
        cancel=cancel,
    )
    top = [each.edge for each in answer.shares[:EXPLAINED] if each.share > 0]
    return Explained(answer, tuple(edge_evidence(edge, experiment.system, held) for edge in top))
