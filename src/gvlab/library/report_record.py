"""What a report shows: sections of an experiment; and a study, which puts experiments together and names a paper."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from gvlab.library.fields import Identifier, Record, Sourced, Text, Titled, Words

_NEEDS = {
    "survival": ("endpoint",),
    "causes": ("endpoint",),
    "courses": ("outputs", "title"),
    "groups": ("outputs", "title"),
    "diagram": ("nodes", "title"),
}
_TAKES = {
    "survival": {"endpoint"},
    "causes": {"endpoint"},
    "courses": {"outputs", "log", "until"},
    "groups": {"outputs", "compare"},
    "diagram": {"nodes", "drivers", "compare"},
}


class SectionSpec(Record):
    """A part of a report, filled from the results of one experiment. Parts with the same `id` become one."""

    kind: Literal["survival", "causes", "courses", "groups", "diagram"]
    """survival: curves of an endpoint; causes: its causes as competing risks; courses: outputs over time; groups:
    outputs of every subject on the day on which findings read them; diagram: who acts on whom, and what changed."""
    id: str = Field(default="", pattern=r"^[a-z0-9-]*$")
    """Anchor in the page; made of the kind and the experiment where empty."""
    title: Text = ""
    note: Text = ""
    """A sentence under the heading."""
    endpoint: Identifier | None = None
    """For survival and causes."""
    outputs: Words = ()
    """For courses and groups: outputs of the model, a figure each."""
    log: Words = ()
    """Those of the outputs that are drawn on a logarithmic axis."""
    until: str | None = None
    """The last day that courses show."""
    compare: tuple[str, str] | None = None
    """The two arms that are compared, control first; the first two of the experiment where none are named."""
    nodes: dict[str, Identifier] = Field(default_factory=dict)
    """For a diagram: nodes of models/edges.tsv, and the output that says how active each is."""
    drivers: Words = ()
    """Nodes of models/edges.tsv that are shown and have no output, such as a drug."""

    @model_validator(mode="after")
    def _whole(self) -> SectionSpec:
        for key in _NEEDS[self.kind]:
            if not getattr(self, key):
                raise ValueError(f'a section of kind "{self.kind}" needs "{key}"')
        for key in ("endpoint", "outputs", "log", "until", "compare", "nodes", "drivers"):
            if getattr(self, key) and key not in _TAKES[self.kind]:
                raise ValueError(f'a section of kind "{self.kind}" has no "{key}"')
        stray = [name for name in self.log if name not in self.outputs]
        if stray:
            raise ValueError(f'"log" names "{stray[0]}", which is not among the outputs')
        return self


class ReportSpec(Record):
    """What a report shows of an experiment."""

    sections: tuple[SectionSpec, ...] = ()


class StudyRecord(Titled, Sourced):
    """Experiments that belong together: they are run with the same subjects, and findings are judged over all."""

    experiments: Words = Field(min_length=1)
    """In the order in which they are run."""
    main: Identifier | None = None
    """Of the experiments the one that is meant where none is named."""
    citation: Text = ""
    """What was simulated after, as a reader knows it."""
    paper: str = ""
    """The paper whose own figures are drawn, by its name in `gvlab.papers`; none where empty."""
    ensemble: str = ""
    """The ensemble of plausible parameter sets that is asked as well."""
    summary: tuple[Text, ...] = ()
    """What a reader of the verdicts must know, a paragraph each."""

    @model_validator(mode="after")
    def _main_is_one_of_them(self) -> StudyRecord:
        if self.main is not None and self.main not in self.experiments:
            raise ValueError(f'"main" names "{self.main}", which is not among the experiments')
        return self
