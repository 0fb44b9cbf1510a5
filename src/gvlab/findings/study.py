"""A study: several experiments in all of their systems, and the findings they speak to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gvlab import units
from gvlab.bibliography import Source
from gvlab.capacity import refuse_beyond_memory
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment.experiment import Experiment
from gvlab.experiment.results import Results
from gvlab.findings.one_set import JudgedFinding, judge_all, needed_days
from gvlab.library import Library
from gvlab.provenance import sha256
from gvlab.simulation import Executor


@dataclass(frozen=True)
class Study:
    """Experiments of the library, each in its systems.

    Attributes
    ----------
    experiments
        In the order in which they are run.
    seed
        The same subjects of a system go through every experiment.
    subjects
        Through every arm of every experiment.
    days
        On which findings read something, by experiment.
    only
        Claims that are judged; all where empty.
    """

    experiments: tuple[Experiment, ...]
    seed: int
    subjects: int
    days: dict[str, tuple[float, ...]] = field(default_factory=dict)
    only: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        names: Iterable[str],
        *,
        seed: int,
        subjects: int,
        library: Library | None = None,
        system: str | None = None,
        only: Iterable[str] = (),
    ) -> Study:
        """Return a study of experiments of a library, by name, in one system or in all of theirs.

        Raises
        ------
        UnknownNameError
            If none of them is run in that system, or there is no such claim.
        InvalidValueError
            If none of them answers the claims asked for.
        """
        library, names = Library.default() if library is None else library, tuple(names)
        findings, only = library.read_all("findings"), tuple(only)
        for claim in only:
            if claim not in findings:
                raise UnknownNameError("claim", claim, findings)
        if only:
            asked = {findings[claim].experiment for claim in only}
            names = tuple(name for name in names if name in asked)
            if not names:
                raise InvalidValueError(
                    f"No experiment here answers {', '.join(only)}: "
                    f"{findings[only[0]].cannot_say or f'run {findings[only[0]].experiment}.'}"
                )
        experiments = [
            Experiment.read(name, where, library)
            for name in names
            for where in library.read("experiments", name).systems
            if system in (None, where)
        ]
        if not experiments:
            known = [where for name in names for where in library.read("experiments", name).systems]
            raise UnknownNameError(f"system of {', '.join(names)}", str(system), known)
        return cls(tuple(experiments), seed, subjects, needed_days(findings.values()), only)

    @property
    def library(self) -> Library:
        """The library of its experiments."""
        return self.experiments[0].library

    @property
    def runs(self) -> int:
        """How many subjects are followed, over all arms."""
        return sum(len(experiment.arms) for experiment in self.experiments) * self.subjects

    def refuse_beyond_memory(self) -> None:
        """Raise if the results of all experiments, which are judged together, do not fit into memory.

        Raises
        ------
        InvalidValueError
            With how many subjects would fit.
        """
        one = [
            experiment.tasks(self.seed, subjects=1, days=self._days(experiment)).values()
            for experiment in self.experiments
        ]
        refuse_beyond_memory(self.subjects, sum(task.bytes_needed for tasks in one for task in tasks))

    def _days(self, experiment: Experiment) -> list[float]:
        """Return the days of an experiment on which findings read something."""
        return [day for day in self.days.get(experiment.name, ()) if day <= units.day(experiment.until)]

    def run(
        self,
        progress: Callable[[int], None] | None = None,
        engine: str | None = None,
        executor: Executor | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Iterator[tuple[tuple[str, str], Results]]:
        """Run one experiment after the other, and yield each as soon as it is finished.

        Yields
        ------
        Name of the experiment and of the system, and the results.
        """
        for experiment in self.experiments:
            days = self._days(experiment)
            results = experiment.run(
                self.seed, subjects=self.subjects, days=days, engine=engine, executor=executor, progress=progress,
                cancel=cancel,
            )  # fmt: skip
            yield (experiment.name, experiment.system.name), results

    def judge(self, runs: dict[tuple[str, str], Results]) -> list[JudgedFinding]:
        """Judge every finding that the results, and the records, speak to."""
        records = self.library.read_all("findings")
        return judge_all(runs, self.seed, [records[claim] for claim in self.only] if self.only else None)

    def manifest(self, runs: dict[tuple[str, str], Results]) -> dict[str, Any]:
        """Return what made the results: model, tables, seed, versions, engine, tolerances."""
        parts = [run.manifest for results in runs.values() for run in results.runs.values()]
        tables = {
            f"parameters of {system}": results.experiment.system.parameters().sha256
            for (_, system), results in runs.items()
        }
        findings = "".join(record.model_dump_json() for record in self.library.read_all("findings").values())
        return (
            parts[0]
            .replace(
                tables={**dict(sorted(tables.items())), "findings": sha256(findings)},
                notes={
                    "subjects through every arm": str(self.subjects),
                    "experiments": ", ".join(sorted({name for name, _ in runs})),
                },
            )
            .to_dict()
        )

    def sources(self) -> tuple[Source, ...]:
        """Return the bibliography entries of exactly the numbers used."""
        found = {source.key: source for experiment in self.experiments for source in experiment.sources()}
        return tuple(found[key] for key in sorted(found))
