"""What the page Patients shows of a clinical experiment: survival, competing risks, responders against the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gvlab import units
from gvlab.arrays import Float
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment import Results
from gvlab.library import Library
from gvlab.library.finding_record import Group
from gvlab.views import View, dots_view, incidence_views, survival_view
from gvlab.views.recipe import recipe_of

HUMAN = "species:human"
"""The context of a host that makes an experiment a clinical one."""


def clinical_experiments(library: Library) -> dict[str, str]:
    """Return the titles of the experiments of the library whose first system is of patients, by name."""
    found = {}
    for name, record in library.read_all("experiments").items():
        host = library.read("systems", record.systems[0]).host if record.systems else None
        if host and HUMAN in library.read("hosts", host).contexts:
            found[name] = record.title
    return found


@dataclass(frozen=True)
class GroupReading:
    """A readout that findings of the library compare between days in a group of an arm.

    Attributes
    ----------
    arm, output, days
        Of which arm, what, and on which days it is read.
    group
        Who responds.
    """

    arm: str
    output: str
    days: tuple[str, ...]
    group: Group


def group_readings(library: Library, experiment: str) -> tuple[GroupReading, ...]:
    """Return what findings of the library read in responders of an experiment, each once."""
    found: dict[tuple[str, str], GroupReading] = {}
    for finding in library.read_all("findings").values():
        if finding.experiment != experiment:
            continue
        for each in finding.comparisons:
            measure = each.measure
            if measure.group is None or measure.readout is None or not measure.group.holds:
                continue
            days = tuple(day for day in (each.versus_at, measure.at) if day)
            reading = GroupReading(each.arm, measure.readout, days, measure.group)
            found.setdefault((each.arm, measure.readout), reading)
    return tuple(found.values())


def clinical_views(results: Results) -> tuple[View, ...]:
    """Return survival with numbers at risk, and what the patients of each arm died of, as competing risks."""
    return (survival_view(results, title="Overall survival"), *incidence_views(results))


def not_followed(results: Results) -> tuple[str, ...]:
    """Return how many of each arm died before day 0: they are no patients of the study, and no endpoint counts them."""
    early = {arm: int(np.sum(run.ok & (run.end_times < 0))) for arm, run in results.runs.items()}
    return tuple(f"{arm}: {count} died before day 0 and are not counted." for arm, count in early.items() if count)


def responder_views(results: Results) -> Iterator[tuple[GroupReading, View]]:
    """Return each readout of responders beside that of the others, on every day on which it is read.

    Response is known only later: the pictures compare what was read before and after, and no survival.
    """
    for reading in group_readings(results.experiment.library, results.experiment.name):
        if reading.output not in results.experiment.outputs():
            continue
        times = results.events(reading.group.endpoint)
        holds = times.holds_on(reading.arm, units.day(reading.group.by))
        who = times.of(reading.arm)["subject"].to_numpy(dtype=np.int64)
        names = {True: reading.group.name, False: "the others"}
        values: dict[str, Float[np.ndarray, "_subject"]] = {}
        for responds, name in names.items():
            for day in reading.days:
                read = results.reading(reading.output, units.day(day), reading.arm)[who[holds == responds]]
                values[f"{name}, {day}"] = read[np.isfinite(read)]
        model = results.experiment.model
        label = model.title(reading.output)
        smallest = min((float(each.min()) for each in values.values() if each.size), default=0.0)
        try:
            view = dots_view(
                values, label=label, unit=model.unit(reading.output), log=smallest > 0, most=60, title=label,
                recipe=recipe_of(results),
            )  # fmt: skip
        except InvalidValueError:
            # Nobody of the arm was alive to be read.
            continue
        yield reading, view


def check_clinical(library: Library, name: str) -> str:
    """Return the name of a clinical experiment; where "", one whose responders are read, and the one with most arms.

    Raises
    ------
    UnknownNameError
        If it is none of the library's clinical experiments.
    """
    known = clinical_experiments(library)
    if not name and known:
        return max(
            known, key=lambda each: (bool(group_readings(library, each)), len(library.read("experiments", each).arms))
        )
    if name not in known:
        raise UnknownNameError("clinical experiment", name, known)
    return name
