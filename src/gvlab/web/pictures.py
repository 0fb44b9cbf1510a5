"""Which pictures an experiment has on the bench: those its record names for a report, drawn by `gvlab.views`."""

from __future__ import annotations

from dataclasses import dataclass

from gvlab import units
from gvlab.errors import UnknownNameError
from gvlab.experiment import Experiment, Results
from gvlab.views import View, looks_of, ribbon_view, survival_view

SURVIVAL = "survival"


@dataclass(frozen=True)
class PictureSpec:
    """A picture that an experiment has.

    Attributes
    ----------
    name, title
        What the page calls it: `SURVIVAL`, or an output of the model; and what a reader does.
    log
        Whether its axis is logarithmic.
    until
        The last day that is drawn; None draws all.
    """

    name: str
    title: str
    log: bool = False
    until: float | None = None


def picture_specs(experiment: Experiment) -> dict[str, PictureSpec]:
    """Return the pictures that an experiment has, by name: survival, what a report of it shows, every other output."""
    library, outputs = experiment.library, experiment.outputs()
    known = experiment.name in library.names("experiments")
    report = library.read("experiments", experiment.name).report if known else None
    found: dict[str, PictureSpec] = {}
    if experiment.endpoints:
        found[SURVIVAL] = PictureSpec(SURVIVAL, "Survival")
    for section in report.sections if report is not None else ():
        until = units.day(section.until) if section.until else None
        for output in section.outputs:
            if output in outputs and output not in found:
                title = experiment.model.title(output)
                found[output] = PictureSpec(output, title, output in section.log, until)
    for output in outputs:
        found.setdefault(output, PictureSpec(output, experiment.model.title(output)))
    return found


def picture(results: Results, name: str) -> View:
    """Return one of the pictures of results.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    InvalidValueError
        If there is nothing to draw: nobody was read.
    """
    specs = picture_specs(results.experiment)
    if name not in specs:
        raise UnknownNameError("picture", name, specs)
    spec, how = specs[name], looks_of(results)
    if name == SURVIVAL:
        return survival_view(results, look=how, title="Survival")
    # A day after the end of the experiment would leave the axis without readings.
    until = None if spec.until is None or spec.until >= results.experiment.last_day else spec.until
    return ribbon_view(results, name, log=spec.log, look=how, until=until)
