"""Cells of virtual patients, before and after sorafenib, in those who respond and in those who do not."""

from __future__ import annotations

import numpy as np

from gvlab.arrays import Array, Bool, Float
from gvlab.assay.measurements import Measurements
from gvlab.errors import InvalidValueError
from gvlab.experiment import Results
from gvlab.findings.one_set import members_of
from gvlab.library.finding_record import Group
from gvlab.papers.mathew2018.context import FigureContext, NotRunError
from gvlab.statistics import paired_effect
from gvlab.views import View, dots_view, recipe_of

EXPERIMENT, SYSTEM, ARM = "patients_four_arms", "relapse_after_hct", "Sorafenib + DLI"
SHOWN = 12
"""Patients of a group whose dots are drawn; the paper's numbers are not known."""
DEFINED_BY = "C39"
"""The claim whose record says who a responder is."""

CONTEXT_OF_USE = (
    "For generating and ranking hypotheses about sorafenib and graft-versus-leukemia, and planning experiments; "
    "not for individual treatment decisions."
)


class PatientSamples:
    """Samples of the patients of one arm, on two days, by whether they respond.

    Attributes
    ----------
    results
        Of the experiment on patients.
    responders
        Who they are, by the record of the claim.
    """

    def __init__(self, context: FigureContext) -> None:
        """Take the patients of a run; errors as `FigureContext.results`."""
        self.context = context
        self.results: Results = context.run_of(EXPERIMENT, SYSTEM)
        record = self.results.experiment.library.read("findings", DEFINED_BY)
        group = record.comparisons[0].measure.group
        if group is None:
            raise NotRunError(f"The record of {DEFINED_BY} does not say who a responder is.")
        self.responders: Group = group
        responds = members_of(self.results, group, ARM)
        others = members_of(self.results, group.model_copy(update={"holds": not group.holds}), ARM)
        if not responds.any() or not others.any():
            missing = group.name if not responds.any() else f"others than {group.name}"
            raise InvalidValueError(
                f'Of {len(responds)} patients of "{ARM}" none is among the {missing}. Simulate more.'
            )
        self.members: dict[str, Bool[Array, "subject"]] = {"responders": responds, "others": others}

    def dots(self, assay: str, analyte: str, day: float, names: tuple[str, str], *, log: bool = False) -> View:
        """Return a dot a patient, before treatment and on a day, with the fold of the medians above each pair.

        `names` are that of the axis and that of the panel.
        """
        measured = [self.context.read(self.results, assay, when, analyte) for when in (0.0, day)]
        columns = [self._column(each) for each in measured]
        readings: dict[str, Float[Array, "_patient"]] = {}
        brackets = []
        for name, members in self.members.items():
            rng = np.random.default_rng([self.results.seed, int(day), len(readings)])
            # By lot: the first patients stand on the first plate, which has an error of its own.
            both = rng.permutation(np.flatnonzero(members & np.isfinite(columns[0]) & np.isfinite(columns[1])))
            before, after = (f"{name}, day {when:g}" for when in (0.0, day))
            readings[before], readings[after] = columns[0][both], columns[1][both]
            if len(both) >= 2:
                effect = paired_effect(columns[1][both], columns[0][both], rng, effect="ratio of medians")
                brackets.append((before, after, f"{effect.value:.2f}-fold"))
        return dots_view(
            readings, label=names[0], unit=measured[0].unit, log=log, most=SHOWN, title=names[1], brackets=brackets,
            rows={"Remission": ("+", "+", "-", "-"), "Day": ("0", f"{day:g}") * 2},
            recipe=recipe_of(self.results),
        )  # fmt: skip

    def _column(self, measured: Measurements) -> Float[Array, "subject"]:
        run = self.results.run(ARM)
        rows = measured.table[measured.table["arm"] == ARM]
        place = {int(number): i for i, number in enumerate(run.numbers)}
        column = np.full(len(run), np.nan)
        column[[place[int(number)] for number in rows["subject"]]] = rows["value"].to_numpy(dtype=np.float64)
        return column

    def counts_in_words(self) -> str:
        """Return how many patients there are of each kind."""
        shares = " and ".join(f"{int(members.sum())} {name}" for name, members in self.members.items())
        run = self.results.run(ARM)
        return (
            f"{len(run)} virtual patients of one population were given {ARM}: {shares} (complete remission by "
            f"{self.responders.by}, as the record of {DEFINED_BY} says). Up to {SHOWN} of each are drawn, who could be "
            "read on both days; folds are of the medians of all, the same patients before and after; hollow marks are "
            f"simulated. Simulated by GVLab, {self.context.model_in_words}, seed {self.results.seed}."
        )
