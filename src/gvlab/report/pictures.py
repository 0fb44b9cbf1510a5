"""Draws the pictures of a report's sections: results in, a figure with its caption out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gvlab import units
from gvlab.arrays import Array, Float
from gvlab.experiment import Results
from gvlab.figures.survival import summary_rows
from gvlab.findings.one_set import JudgedFinding
from gvlab.findings.rule import Verdict, combined
from gvlab.library.records import EndpointRecord
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
from gvlab.report.content import VERDICTS, Picture, ReportTable
from gvlab.statistics import kaplan_meier, mannwhitney_power
from gvlab.views import (
    DiagramEdge,
    axis_diagram_view,
    dots_view,
    incidence_views,
    looks_of,
    recipe_of,
    ribbon_view,
    survival_view,
)

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


def matrix_table(findings: Sequence[JudgedFinding], titles: Mapping[str, str]) -> ReportTable:
    """Return the verdict on every claim in each system in which it was asked; `titles` are those of the systems."""
    rows: dict[str, dict[str, list[Verdict]]] = {}
    for finding in findings:
        for judged in finding.comparisons:
            rows.setdefault(finding.record.id, {}).setdefault(judged.system, []).append(judged.outcome.verdict)
    systems = [system for system in titles if any(system in row for row in rows.values())]
    marks = {
        claim: [_mark(combined(row[system])) if system in row else "" for system in systems]
        for claim, row in rows.items()
    }
    frame = pd.DataFrame(
        [(claim, *row) for claim, row in marks.items()], columns=["claim", *(titles[system] for system in systems)]
    )
    caption = "Every claim the model speaks to, in each system in which it was asked; a system not asked is left empty."
    return ReportTable("Verdicts by system", frame, caption, folded=True)


def _mark(verdict: Verdict) -> str:
    return f"{VERDICTS[str(verdict)]} {verdict}"


def survival_picture(shown: Shown) -> Picture:
    """Draw Kaplan-Meier curves of an endpoint; the table has medians, cures and hazard ratios."""
    results = shown.results
    record = results.experiment.library.read("endpoints", shown.spec.endpoint or "")
    arms, n = results.arms, results.experiment.arms[0].n
    title = results.experiment.system.title
    view = survival_view(results, record.name, title=title)
    caption = survival_caption(shown.origin, versus=arms[0], time_zero=shown.time_zero, powered_at=n)
    table = ReportTable("Medians, cures and hazard ratios", _arms_table(shown, record, n), folded=True)
    return Picture(f"survival-{shown.anchor}", title, (view,), caption, shown.claims(), (table,))


def _arms_table(shown: Shown, record: EndpointRecord, powered_at: int) -> pd.DataFrame:
    """Return what a journal prints of each arm: median, cure, hazard ratio, and how often a study would see it."""
    results = shown.results
    events = results.events(record.name).table
    arms = results.arms
    cured = None
    if record.cured_by is not None:
        ends = results.events(record.cured_by)
        cured = {arm: float(ends.holds_on(arm, results.experiment.last_day).mean()) for arm in arms}
    curves = {arm: kaplan_meier(*results.event_arrays(record.name)[arm]) for arm in arms}
    rows = summary_rows(events, arms, arms[0], curves, powered_at, cured)
    columns = {
        "arm": list(arms),
        "n": [rows[arm].n for arm in arms],
        "median (95 % CI), days": [rows[arm].median for arm in arms],
        **({"cured": [rows[arm].cured for arm in arms]} if cured else {}),
        f"hazard ratio against {arms[0]} (95 % CI)": [rows[arm].ratio for arm in arms],
        f"log-rank p < 0.05 at n = {powered_at}": [_often(rows[arm].test) for arm in arms],
    }
    return pd.DataFrame(columns)


def _often(test: str) -> str:
    return test.removeprefix("p < 0.05 in ").partition(" at n")[0]


def causes_picture(shown: Shown) -> Picture:
    """Draw the causes of an endpoint as competing risks, an arm a panel."""
    views = incidence_views(shown.results, shown.spec.endpoint or "")
    title = f"Causes of death: {shown.results.experiment.system.title}"
    return Picture(
        f"causes-{shown.anchor}", title, views, incidence_caption(shown.origin, time_zero=shown.time_zero)
    )  # fmt: skip


def courses_pictures(shown: Shown) -> Iterator[Picture]:
    """Draw outputs over time, a figure each."""
    spec, results, model = shown.spec, shown.results, shown.model
    drawn = list(results.runs)[:ARMS_SHOWN]
    left_out = len(results.runs) - len(drawn)
    part = replace(results, runs={arm: results.runs[arm] for arm in drawn})
    last = results.experiment.last_day
    until = last if spec.until is None else min(units.day(spec.until), last)
    for output in spec.outputs:
        if output not in results.experiment.outputs():
            continue
        title = f"{model.title(output)}: {results.experiment.system.title}"
        view = ribbon_view(part, output, log=output in spec.log, until=until, title=title)
        caption = timecourse_caption(shown.origin, what=model.title(output), unit=_printed(model.unit(output)))
        if left_out:
            caption = f"The first {len(drawn)} of {len(results.runs)} arms. {caption}"
        yield Picture(f"course-{output}-{shown.anchor}".replace("_", "-"), title, (view,), caption)


def groups_pictures(shown: Shown) -> Iterator[Picture]:
    """Draw outputs of single subjects on the day on which findings read them, a figure each."""
    results, model, day = shown.results, shown.model, shown.day
    how = looks_of(results)
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
        title, unit = model.title(output), _printed(model.unit(output))
        view = dots_view(
            drawn, label=title, unit=unit, look=how, title=title, recipe=recipe_of(results),
            brackets=[(a, b, f"{100 * power.probability:.0f} %")],
        )  # fmt: skip
        caption = groups_caption(
            shown.origin, what=f"{title} on day {day:g}", unit=unit, powered_at=n, shown=max(map(len, drawn.values()))
        )
        yield Picture(f"{output}-{shown.anchor}".replace("_", "-"), title, (view,), caption, shown.claims((output,)))


def diagram_picture(shown: Shown) -> Picture:
    """Draw who acts on whom, and how what is acted on differs between two arms."""
    if shown.compared is None:
        raise ValueError("a diagram compares two arms, and there is one")
    results, day, nodes = shown.results, shown.day, shown.spec.nodes
    control, treated = shown.compared
    edges = [
        DiagramEdge(
            row.edge,
            row.source_node,
            row.target_node,
            row.sign == "+",
            change=_ratio(results, nodes[row.target_node], day, treated, control),
        )
        for row in results.experiment.library.rows("edges")
        if row.source_node in {*shown.spec.drivers, *nodes} and row.target_node in nodes
    ]
    title = f"What changes in {treated}, against {control}"
    view = axis_diagram_view(edges, control=control, title=title, recipe=recipe_of(results))
    caption = axis_caption(shown.origin, when=f"day {day:g} in {treated}", control=control, weights=False)
    return Picture(f"diagram-{shown.anchor}", title, (view,), caption, shown.claims(tuple(nodes.values())))


def _ratio(results: Results, output: str, day: float, arm: str, control: str) -> float | None:
    """Return the ratio of the medians of two arms; None where one cannot be read or control has none."""
    above, below = (float(np.nanmedian(results.reading(output, day, each))) for each in (arm, control))
    return above / below if below > 0 and above >= 0 else None


def _readable(values: Float[Array, "_subject"]) -> Float[Array, "_readable"]:
    return values[np.isfinite(values)]


def _printed(unit: str) -> str:
    return "" if unit == "dimensionless" else unit
