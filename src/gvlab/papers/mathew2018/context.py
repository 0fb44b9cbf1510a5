"""What every figure of the paper needs: results at hand, animals drawn, readings, verdicts, looks, captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gvlab.arrays import Array, Float
from gvlab.errors import GVLabError
from gvlab.experiment import Results
from gvlab.experiment import sampling as virtual
from gvlab.findings.one_set import JudgedFinding
from gvlab.report.content import ReportTable
from gvlab.statistics import mannwhitney_power, welch_power
from gvlab.views import Look, View, survival_view
from gvlab.views.palette import LIGHT

if TYPE_CHECKING:
    from gvlab.assay.measurements import Measurements
    from gvlab.figures import Row


MICE, CULTURES = 8, 3
"""Animals of a destructive assay and independent cultures; the paper's numbers are not known, both are assumed."""

PREFIX = "mathew2018_"
CONTROL, DRUG, T_CELLS, BOTH = "BM", "BM + sorafenib", "BM + T cells", "BM + T cells + sorafenib"

SIGNIFICANT = (
    "Percentages above brackets: how many experiments of this size would be significant (p < 0.05), "
    "drawn from all virtual subjects and read through the same assay"
)


class NotRunError(GVLabError):
    """An experiment that a figure needs was not run."""


@dataclass(frozen=True)
class PaperFigure:
    """A figure, ready to be laid out.

    Attributes
    ----------
    number, title
        Of the figure.
    rows
        Its panels.
    caption
        What each panel shows; design, n, seed and version are added.
    claims
        Ids of the claims it speaks of.
    readings
        Tables of what is drawn.
    tables
        What a page shows as a table.
    """

    number: int
    title: str
    rows: tuple[Row, ...]
    caption: str
    claims: tuple[str, ...]
    readings: tuple[pd.DataFrame, ...] = ()
    tables: tuple[ReportTable, ...] = ()

    @property
    def views(self) -> tuple[View, ...]:
        """The panels that are views, in order; the page prints them one by one."""
        return tuple(panel.draw for row in self.rows for panel in row.panels if isinstance(panel.draw, View))


@dataclass
class FigureContext:
    """What a figure is drawn from: results, verdicts, and the readings that were drawn on the way.

    Attributes
    ----------
    runs
        Results by name of experiment and of system.
    findings
        What was judged.
    kept
        Readings that were drawn, by figure.
    """

    runs: Mapping[tuple[str, str], Results]
    findings: Sequence[JudgedFinding]
    kept: list[pd.DataFrame] = field(default_factory=list)

    @property
    def model_in_words(self) -> str:
        """Which model was run, by the first digits of its hash."""
        models = {results.experiment.model.sha256[:12] for results in self.runs.values()}
        return f"model {', '.join(sorted(models))}" if models else "no model was run"

    def every_system(self, experiment: str) -> tuple[Results, ...]:
        """Return results of an experiment in each of its systems; errors as `results`."""
        ran = [results for (name, _), results in self.runs.items() if name == PREFIX + experiment]
        if not ran:
            raise NotRunError(f'The figure needs the experiment "{PREFIX}{experiment}". Run it as well.')
        record = ran[0].experiment.library.read("experiments", PREFIX + experiment)
        return tuple(self.results(experiment, system) for system in record.systems)

    def results(self, experiment: str, system: str) -> Results:
        """Return the results of an experiment in a system.

        Raises
        ------
        NotRunError
            If it was not run in that system.
        """
        return self.run_of(PREFIX + experiment, system)

    def run_of(self, experiment: str, system: str) -> Results:
        """Return the results of an experiment by its whole name; errors as `results`."""
        found = self.runs.get((experiment, system))
        if found is None:
            raise NotRunError(f'The figure needs the experiment "{experiment}" in "{system}". Run it as well.')
        return found

    def verdicts(self, *claims: str) -> tuple[tuple[str, str], ...]:
        """Return claims with their verdicts, as far as they were judged."""
        known = {finding.record.id: str(finding.verdict) for finding in self.findings}
        return tuple((claim, known[claim]) for claim in claims if claim in known)

    def read(
        self, results: Results, assay: str, day: float | Sequence[float], analyte: str | None = None
    ) -> Measurements:
        """Return the readings of an assay, and keep the readings for the table beside the figure."""
        days = [day] if isinstance(day, int | float) else list(day)
        found = results.measured(assay, at=[f"day {each:g}" for each in days], analyte=analyte)
        self.kept.append(found.table.assign(system=results.experiment.system.name))
        return found

    def significance(
        self,
        results: Results,
        assay: str,
        day: float,
        pair: tuple[str, str],
        n: int,
        analyte: str | None = None,
        ratio: bool = False,
    ) -> str:
        """Return how often an experiment of this size would be significant, in percent; "" where nothing can be read.

        Parameters
        ----------
        results
            Of all virtual subjects.
        assay, day, analyte
            What is read.
        pair, n
            Two arms, and subjects of each.
        ratio
            Test logarithms by Welch, as is done with folds, and not ranks by Mann-Whitney.
        """
        found = results.measured(assay, at=f"day {day:g}", analyte=analyte)
        if any(arm not in found.arms for arm in pair):
            return ""
        a, b = (found.values(arm) for arm in pair)
        test = welch_power if ratio and min(a.min(), b.min()) > 0 else mannwhitney_power
        rng = np.random.default_rng([results.seed, n, len(self.kept)])
        return f"{100 * test(a, b, n, n, rng, replicates=1000).probability:.0f} %"


def readings_of(measured: Measurements, arms: Sequence[str]) -> dict[str, Float[Array, "_subject"]]:
    """Return readings by arm in order; an arm without any has none."""
    return {arm: measured.values(arm) if arm in measured.arms else np.zeros(0) for arm in arms}


def survival_panel(results: Results, arms: Sequence[str], title: str) -> View:
    """Return Kaplan-Meier curves of the animals drawn, with numbers at risk."""
    return survival_view(results, "overall_survival", arms=list(arms), title=title)


def keys_of(views: Sequence[View]) -> dict[str, Look]:
    """Return the looks that the legend of a row of panels names."""
    return {
        key.name: Look(LIGHT[key.style.tone], key.style.dashes, key.style.marker) for view in views for key in view.keys
    }


def sample_animals(results: Results, n: int, skip: int = 0) -> Results:
    """Return the results of as many animals for each arm as a laboratory has; see `gvlab.experiment.sampling.draw`."""
    return virtual.draw(results, n, skip)


def origin_in_words(context: FigureContext, results: Sequence[Results], who: str = "Animals") -> str:
    """Return the sentences that end every caption: what is assumed, that it is simulated, model and seed."""
    experiments = [each.experiment for each in results]
    assumed = dict.fromkeys(each.library.read("experiments", each.name).assumed for each in experiments)
    subjects = max(len(run) for each in results for run in each.runs.values())
    texts = " ".join(dict.fromkeys(text if text.endswith(".") else f"{text}." for text in assumed if text))
    different = max(len(each.runs) for each in results) * MICE <= subjects
    drawn = "different in each arm" if different else "partly the same in several arms, since few were simulated"
    return (
        f"{who} are {drawn}, drawn from {subjects} virtual subjects; hollow marks are simulated. "
        f"Assumed: {texts} Verdicts: \u2713 reproduced, \u25d0 partly, \u2717 not, ? cannot say. "
        f"Simulated by GVLab, {context.model_in_words}, seed {results[0].seed}."
    )


def plus(*marks: bool) -> tuple[str, ...]:
    """Return a row of plus and minus."""
    return tuple("+" if mark else "-" for mark in marks)
