"""The files of a plan: power, design sheet, randomization and key, ARRIVE table, page for the board."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pandas as pd

from gvlab.planning import design_sheet as sheet
from gvlab.planning.animals import AnimalCount, Extras, count_animals
from gvlab.planning.arrive import arrive_table
from gvlab.planning.blood import husbandry_of
from gvlab.planning.board_page import board_page, save_board_page
from gvlab.planning.dates import parse_date
from gvlab.planning.expected import expected_survival
from gvlab.planning.plan import Plan
from gvlab.planning.protocol_details import details_template, missing_in_words, volumes_in_words
from gvlab.planning.randomization import Allocation
from gvlab.planning.sampling_calendar import Sampling, plan_sampling
from gvlab.workflows.bundle import Bundle, Document, Table

if TYPE_CHECKING:
    from gvlab.views import View
    from gvlab.workflows.plan_experiment import PlanRequest

_ORDER = (
    "Number the animals by body weight (or by signal before treatment), within a stratum where there are several; "
    "then put each into the cage of the list: every cage takes animals of all weights. Weigh and ear-mark before the "
    "list is looked at. Adult males that are strangers fight: cage them together at weaning, or take females."
)
_SHARED = (
    "Cages hold several arms, so treatment must be given to each animal. Where it is given to the cage (in water or "
    "food), the cage is the experimental unit: plan with cages as units."
)


@dataclass(frozen=True)
class PlanFiles:
    """What is written of a plan.

    Attributes
    ----------
    request, plan
        What was asked and found.
    extras
        Animals beside the arms.
    lines
        What the plan says.
    """

    request: PlanRequest
    plan: Plan
    extras: Extras
    lines: tuple[str, ...]

    def bundle(self, allocation: Allocation | None) -> Bundle[Plan]:
        """Return the plan with its files; without an allocation there is only the power."""
        from gvlab.views import figure

        plan, experiment = self.plan, self.plan.experiment
        table = plan.table()
        lines = list(self.lines)
        documents: dict[str, Document] = {}
        contents = {"power.svg, power.csv": "power against the number of animals"}
        tables: dict[str, Table] = {}
        if allocation is None or self.per_arm is None:
            summary = "No number of animals tried is enough, so nothing was randomized. Name one: --per-arm 10."
        else:
            sizes = plan.sizes(self.per_arm)
            lines += [*self._sampling.in_words(), *self._volumes, self._animals.in_words()]
            missing = self.request.details.missing(experiment)
            if missing:
                lines.append(
                    f"A board also asks for: {missing_in_words(missing)}. Fill them in details.yaml, and plan again "
                    "with --details."
                )
            each = f"{self.per_arm} animals in each of {len(sizes)} arms"
            if len(set(sizes.values())) > 1:
                each = ", ".join(f"{n} in {arm}" for arm, n in sizes.items())
            summary = f"{each}, {sum(sizes.values())} in the arms and {self._animals.total} in all."
            sheets, documents["design_sheet.xlsx"] = self._sheets(allocation, sizes, lines)
            tables.update(sheets)
            documents["board.pdf"] = partial(save_board_page, page=self._board())
            documents["details.yaml"] = details_template(self.request.details, experiment, missing)
            contents = {
                "board.pdf": "one page for the board: question, numbers, severity, humane endpoints, 3Rs",
                "design_sheet.xlsx": "arms, doses, calendar, sampling, animals, ARRIVE 2.0",
                "details.yaml": "what no simulation can know; fill it in and hand it back with --details",
                "randomization.csv": "for the bench: animal, cage, block, code",
                "key/": "code and arm; keep it from whoever is blinded",
                **contents,
            }
        tables["power.csv"] = Table(table, (sheet.PLAN_MARK, *self.lines))
        return Bundle(
            self.request,
            plan,
            heading=(experiment.title, f"System: {experiment.system.title}"),
            lines=tuple(lines),
            summary=summary,
            tables=tables,
            figures={"power": figure(power_of(plan), width="one-and-half")},
            documents=documents,
            data={"plan.json": self._document(lines)},
            contents=contents,
        )

    @property
    def per_arm(self) -> int | None:
        """Animals per arm that are planned with; None where no number is enough."""
        return self.plan.chosen

    @cached_property
    def _sampling(self) -> Sampling:
        experiment = self.plan.experiment
        survival = expected_survival(experiment, self.plan.seed)
        start = parse_date(self.request.start)
        return plan_sampling(experiment, self.plan.comparison, survival, husbandry_of(experiment), start)

    @cached_property
    def _animals(self) -> AnimalCount:
        experiment = self.plan.experiment
        kept = husbandry_of(experiment)
        extras = self.extras if kept else Extras(0.0, self.extras.satellites, 0)
        sizes = self.plan.sizes(self.per_arm or 1)
        return count_animals(experiment, sizes, self._sampling.killed, extras, kept, self.plan.seed)

    @property
    def _volumes(self) -> list[str]:
        return volumes_in_words(self.request.details, self.plan.experiment, husbandry_of(self.plan.experiment))

    def _board(self) -> Any:
        return board_page(
            self.plan,
            self.per_arm or 1,
            self._animals,
            self.request.details,
            [*self._sampling.in_words(), *self._volumes],
            self.request.strata,
            metadata.version("gvlab"),
        )

    def _sheets(
        self, allocation: Allocation, sizes: dict[str, int], lines: list[str]
    ) -> tuple[dict[str, Table], Document]:
        plan, request = self.plan, self.request
        experiment, date, version = plan.experiment, parse_date(request.start), metadata.version("gvlab")
        head = (sheet.PLAN_MARK, f"{experiment.title}. {experiment.system.title}. GVLab {version}.")
        arrive = arrive_table(
            plan, sizes, animals=self._animals, details=request.details, strata=request.strata, version=version
        )
        shared = [] if plan.layout.cages == "unit" else [_SHARED]
        also = () if plan.comparison.day is None else (plan.comparison.day,)
        sheets = {
            "Summary": pd.DataFrame({"what the plan says": [*lines, *shared, _ORDER]}),
            "Arms": sheet.arms_table(experiment, sizes),
            "Doses": sheet.doses_table(experiment, plan.seed, request.details),
            "Calendar": sheet.calendar(experiment, date, also),
            "Sampling": self._sampling.table,
            "All animals": self._animals.table,
            "List": allocation.blinded,
            "ARRIVE 2.0": arrive,
        }
        about = f"Seed of the randomization: {allocation.seed}; cages of {request.cage_size}; GVLab {version}."
        tables = {
            "randomization.csv": Table(allocation.blinded, (sheet.PLAN_MARK, _ORDER)),
            "animals.csv": Table(self._animals.table, head),
            "arrive.csv": Table(arrive, head),
            "key/randomization_key.csv": Table(allocation.key, (sheet.PLAN_MARK, "KEY: keep from the blinded", about)),
        }
        return tables, partial(sheet.save_workbook, sheets=sheets, head=head)

    def _document(self, lines: list[str]) -> dict[str, Any]:
        plan = self.plan
        found: dict[str, Any] = {
            "mark": sheet.PLAN_MARK,
            "experiment": plan.experiment.name,
            "system": plan.experiment.system.name,
            "comparison": plan.comparison.in_words(),
            "comparisons": [each.in_words() for each in plan.comparisons],
            "power": plan.power,
            "alpha": plan.alpha,
            "attrition": plan.attrition.dropout,
            "engraftment_failure": plan.attrition.engraftment_failure,
            "animals_per_arm": self.per_arm,
            "animals_by_arm": plan.sizes(self.per_arm) if self.per_arm else None,
            "animals_in_all": self._animals.total if self.per_arm else None,
            "animals_per_arm_nominal": plan.per_arm,
            "within_monte_carlo_error": list(plan.nominal.needed_range(plan.power)),
            "plausible_sets": len(plan.plausible),
            "plausible_10_50_90": list(plan.plausible_range()),
            "virtual_animals_per_arm": plan.subjects,
            "experiments_of_each_size": plan.replicates,
            "seed_of_the_simulation": plan.seed,
            "required_and_missing": self.request.details.missing(plan.experiment),
            "in_words": lines,
        }
        if self.per_arm in plan.nominal.n:
            answer = plan.answer(self.per_arm or 0)
            found["power_at_that_number"] = {
                "power": answer.power,
                "monte_carlo_95": list(answer.monte_carlo),
                "plausible_10_90": list(answer.model) if answer.model else None,
            }
        return found


def power_of(plan: Plan) -> View:
    """Return the power of a plan over the number of animals, with every plausible set, as a picture."""
    from gvlab.views import ViewRecipe, power_view

    nominal, low, high = plan.nominal.power, *plan.nominal.limits
    return power_view(
        plan.nominal.n,
        nominal.tolist(),
        lower=low.tolist(),
        upper=high.tolist(),
        each=[curve.power.tolist() for curve in plan.plausible],
        target=plan.power,
        needed=plan.chosen or plan.per_arm,
        test=plan.comparison.test,
        recipe=ViewRecipe(model=plan.experiment.model.sha256[:16], seed=plan.seed),
    )
