"""Draws the pictures of a report's sections: results in, a figure with its caption out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvlab import units
from gvlab.arrays import Array, Float
from gvlab.experiment import Results
from gvlab.findings.one_set import JudgedFinding
from gvlab.findings.rule import Verdict, combined
from gvlab.library.report_record import SectionSpec
from gvlab.model.model import Model
from gvlab.report.captions import (
    Origin,
    axis_caption,
    groups_caption,
    incidence_caption,
    survival_caption,
    timecourse_caption,
)
from gvlab.report.content import Picture
from gvlab.report.html import picture
from gvlab.statistics import mannwhitney_power

SUBJECTS_SHOWN = 10
"""Of many virtual subjects, as many are drawn as a laboratory would have."""

ARMS_SHOWN = 6
"""Curves that one figure holds."""

FEWEST_IN_GROUP = 3


@dataclass(frozen=True)
class Shown:
    """What a section shows.

    Attributes
    ----------
    spec
        What is asked for.
    results
        Of one experiment in one system.
    findings
        What was judged, of everything that was run.
    assumed
        What of the design is assumed.
    """

    spec: SectionSpec
    results: Results
    findings: Sequence[JudgedFinding]
    assumed: str = ""

    @property
    def origin(self) -> Origin:
        """Where the data come from."""
        experiment = self.results.experiment
        same = "the same subjects in every arm" if self.results.paired else "different subjects in each arm"
        return Origin(
            design=f"{experiment.system.title}, {len(experiment.arms)} arms, {same}",
            n={arm: int(run.ok.sum()) for arm, run in self.results.runs.items()},
            seed=self.results.seed,
            model_version=self.model.sha256[:12],
            assumed=self.assumed,
        )

    @property
    def model(self) -> Model:
        """The model that was run."""
        return self.results.experiment.model

    @property
    def time_zero(self) -> str:
        """What happened at time zero, as an axis says it."""
        return self.results.experiment.system.time_zero.removeprefix("day of ")

    @property
    def anchor(self) -> str:
        """Experiment and system, as a part of an anchor."""
        text = f"{self.results.experiment.name or 'experiment'}-{self.results.experiment.system.name}"
        return text.replace("_", "-")

    @property
    def compared(self) -> tuple[str, str] | None:
        """The two arms that are compared, control first; None where there is one arm."""
        if self.spec.compare is not None:
            return self.spec.compare
        arms = self.results.arms
        return (arms[0], arms[1]) if len(arms) > 1 else None

    @property
    def day(self) -> float:
        """The day on which findings read the experiment; its last where none does."""
        for finding in self.findings:
            if finding.record.experiment == self.results.experiment.name:
                for comparison in finding.record.comparisons:
                    return units.day(comparison.measure.at)
        return self.results.experiment.last_day

    def claims(self, readouts: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the claims that a figure speaks of: those on these readouts, or on endpoints where none are named."""
        found = []
        for finding in self.findings:
            for judged in finding.comparisons:
                measure = judged.comparison.measure
                here = (
                    finding.record.experiment == self.results.experiment.name
                    and judged.system == self.results.experiment.system.name
                )
                if here and (measure.readout in readouts if readouts else measure.endpoint is not None):
                    found.append(finding.record.id)
        return tuple(dict.fromkeys(found))


def matrix_picture(findings: Sequence[JudgedFinding], titles: Mapping[str, str]) -> Picture:
    """Draw the verdict on every claim in each system in which it was asked; `titles` are those of the systems."""
    from gvlab.figures import verdict_matrix

    rows = []
    for finding in findings:
        by_system: dict[str, list[Verdict]] = {}
        for judged in finding.comparisons:
            by_system.setdefault(judged.system, []).append(judged.outcome.verdict)
        for system, verdicts in by_system.items():
            verdict = str(combined(verdicts))
            rows.append({"claim": finding.record.id, "system": titles.get(system, system), "verdict": verdict})
    table = pd.DataFrame(rows, columns=["claim", "system", "verdict"])
    statements = {finding.record.id: finding.record.statement for finding in findings}
    caption = "Every claim the model speaks to, in each system in which it was asked; a system not asked is left empty."
    return picture(verdict_matrix(table, statements=statements), "verdict-matrix", "Verdicts by system", caption)


def survival_picture(shown: Shown) -> Picture:
    """Draw Kaplan-Meier curves of an endpoint, with the share that is cured where the endpoint names a cure."""
    from gvlab.figures import survival

    results = shown.results
    record = results.experiment.library.read("endpoints", shown.spec.endpoint or "")
    arms, last = results.arms, results.experiment.last_day
    cured = None
    if record.cured_by is not None:
        ends = results.events(record.cured_by)
        cured = {arm: float(ends.holds_on(arm, last).mean()) for arm in arms}
    n = results.experiment.arms[0].n
    figure = survival(
        results.events(record.name).table, versus=arms[0], cure_fraction=cured, powered_at=n,
        time_zero=shown.time_zero, width="double", height_mm=60,
    )  # fmt: skip
    caption = survival_caption(shown.origin, versus=arms[0], time_zero=shown.time_zero, powered_at=n)
    title = results.experiment.system.title
    return picture(figure, f"survival-{shown.anchor}", title, caption, shown.claims())


def causes_picture(shown: Shown) -> Picture:
    """Draw the causes of an endpoint as competing risks."""
    from gvlab.figures import cumulative_incidences

    causes = shown.results.experiment.library.read("endpoints", shown.spec.endpoint or "").causes
    number = {event: place for place, event in enumerate(causes, 1)}
    table = shown.results.events(shown.spec.endpoint or "").table.copy()
    table["cause"] = [number.get(cause, 0) for cause in table["cause"]]
    names = {number[event]: title for event, title in causes.items()}
    figure = cumulative_incidences(table, names, time_zero=shown.time_zero)
    title = f"Causes of death: {shown.results.experiment.system.title}"
    caption = incidence_caption(shown.origin, time_zero=shown.time_zero)
    return picture(figure, f"causes-{shown.anchor}", title, caption)


def courses_pictures(shown: Shown) -> Iterator[Picture]:
    """Draw outputs over time, a figure each."""
    from gvlab.figures import timecourse

    spec, results, model = shown.spec, shown.results, shown.model
    drawn = list(results.runs)[:ARMS_SHOWN]
    left_out = len(results.runs) - len(drawn)
    courses = {arm: results.run(arm).data for arm in drawn}
    last = results.experiment.last_day
    until = last if spec.until is None else min(units.day(spec.until), last)
    for output in spec.outputs:
        if output not in results.experiment.outputs():
            continue
        figure = timecourse(
            courses, output, log=output in spec.log, time_zero=shown.time_zero, until=until, width="one-and-half"
        )
        caption = timecourse_caption(shown.origin, what=model.title(output), unit=_printed(model.unit(output)))
        if left_out:
            caption = f"The first {len(drawn)} of {len(results.runs)} arms. {caption}"
        title = f"{model.title(output)}: {results.experiment.system.title}"
        yield picture(figure, f"course-{output}-{shown.anchor}".replace("_", "-"), title, caption)


def groups_pictures(shown: Shown) -> Iterator[Picture]:
    """Draw outputs of single subjects on the day on which findings read them, a figure each."""
    from gvlab.figures import groups

    results, model, day = shown.results, shown.model, shown.day
    for output in shown.spec.outputs:
        if output not in results.experiment.outputs():
            continue
        all_subjects = {arm: _readable(results.reading(output, day, arm)) for arm in results.arms}
        all_subjects = {arm: values for arm, values in all_subjects.items() if len(values) >= FEWEST_IN_GROUP}
        if len(all_subjects) < 2:
            continue
        drawn = {arm: values[:SUBJECTS_SHOWN] for arm, values in all_subjects.items()}
        a, b = shown.compared if shown.compared and set(shown.compared) <= set(drawn) else tuple(drawn)[:2]
        n = min(len(drawn[a]), len(drawn[b]))
        rng = np.random.default_rng([results.seed, int(day)])
        power = mannwhitney_power(all_subjects[b], all_subjects[a], n, n, rng, replicates=1000)
        bracket = pd.DataFrame([(a, b, f"{100 * power.probability:.0f} %")], columns=["a", "b", "text"])
        title, unit = model.title(output), _printed(model.unit(output))
        figure = groups(drawn, unit=unit, label=title, comparisons=bracket, width="one-and-half")
        caption = groups_caption(
            shown.origin, what=f"{title} on day {day:g}", unit=unit, powered_at=n, shown=max(map(len, drawn.values()))
        )
        yield picture(figure, f"{output}-{shown.anchor}".replace("_", "-"), title, caption, shown.claims((output,)))


def diagram_picture(shown: Shown) -> Picture:
    """Draw who acts on whom, and how what is acted on differs between two arms."""
    from gvlab.figures import axis_diagram

    if shown.compared is None:
        raise ValueError("a diagram compares two arms, and there is one")
    results, day, nodes = shown.results, shown.day, shown.spec.nodes
    control, treated = shown.compared
    change = {
        node: float(np.median(results.reading(output, day, treated)) / np.median(results.reading(output, day, control)))
        for node, output in nodes.items()
    }
    edges = [
        {
            "edge": row.edge,
            "source": row.source_node,
            "target": row.target_node,
            "sign": 1 if row.sign == "+" else -1,
            "switch": 1,
            "weight": 1.0,
            "change": change[row.target_node],
        }
        for row in results.experiment.library.rows("edges")
        if row.source_node in {*shown.spec.drivers, *nodes} and row.target_node in nodes
    ]
    figure = axis_diagram(pd.DataFrame(edges), control=control, weights=False)
    caption = axis_caption(shown.origin, when=f"day {day:g} in {treated}", control=control, weights=False)
    title = f"What changes in {treated}, against {control}"
    return picture(figure, f"diagram-{shown.anchor}", title, caption, shown.claims(tuple(nodes.values())))


def _readable(values: Float[Array, "_subject"]) -> Float[Array, "_readable"]:
    return values[np.isfinite(values)]


def _printed(unit: str) -> str:
    return "" if unit == "dimensionless" else unit
