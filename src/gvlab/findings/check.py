"""Checks that every finding of a library asks for what there is, before anything is simulated."""

from __future__ import annotations

from collections.abc import Iterator

from gvlab import units
from gvlab.errors import GVLabError, UnknownNameError
from gvlab.experiment.experiment import outputs_of
from gvlab.library import Library
from gvlab.library.finding_record import Comparison, FindingRecord
from gvlab.library.records import ExperimentRecord
from gvlab.model.model import Model


def check_findings(library: Library, model: Model | None = None) -> list[str]:
    """Return what findings ask for and is not there: experiments, arms, systems, days, endpoints and readouts."""
    model = Model.default(library) if model is None else model
    found: list[str] = []
    for record in library.read_all("findings").values():
        try:
            if record.comparisons:
                found += _of(record, library, model)
        except GVLabError as error:
            found.append(f"findings/{record.id}.yaml: {error}")
    return found


def _of(record: FindingRecord, library: Library, model: Model) -> Iterator[str]:
    experiment: ExperimentRecord = library.read("experiments", record.experiment)
    outputs = {output for assay in experiment.assays for output in outputs_of(assay, model, library)}
    for number, comparison in enumerate(record.comparisons, start=1):
        try:
            _check(comparison, experiment, outputs, library)
        except GVLabError as error:
            yield f"findings/{record.id}.yaml, comparison {number}: {error}"


def _check(comparison: Comparison, experiment: ExperimentRecord, outputs: set[str], library: Library) -> None:
    arms = [arm.name for arm in experiment.arms]
    for arm in (comparison.arm, *comparison.versus):
        if arm not in arms:
            raise UnknownNameError(f'arm of experiment "{experiment.name}"', arm, arms)
    for system in comparison.systems:
        if system not in experiment.systems:
            raise UnknownNameError(f'system of experiment "{experiment.name}"', system, experiment.systems)
    measure = comparison.measure
    if experiment.over_sets and (comparison.expect.rank is not None or measure.analysis != "by_intention"):
        raise GVLabError(
            f'A rank and "as_registry" are judged in one population, and "{experiment.name}" is asked of sets. '
            'Say "over_sets: false" in the experiment, or compare with each arm by intention.'
        )
    if measure.analysis == "as_registry" and not any(arm.not_given for arm in experiment.arms):
        raise GVLabError(
            f'"as_registry" counts by what was given, and no arm of "{experiment.name}" says "not_given: {{dose, '
            'counts_in}}". Add it to the arms that are named after a late dose.'
        )
    if measure.endpoint is not None:
        library.read("endpoints", measure.endpoint)
    elif measure.readout not in outputs:
        raise UnknownNameError(f'readout of experiment "{experiment.name}"', str(measure.readout), outputs)
    last = units.day(experiment.until)
    for at in (measure.at, comparison.versus_at):
        if at is not None and not 0 <= units.day(at) <= last:
            raise GVLabError(f'"{at}" is not in the experiment, which goes from day 0 to day {last:g}.')
