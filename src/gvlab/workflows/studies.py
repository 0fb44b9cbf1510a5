"""What a name stands for, an experiment or a study of several; and which experiment is meant where none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.library import Library

if TYPE_CHECKING:
    from gvlab.library.report_record import StudyRecord


def experiments_of(name: str, library: Library | None = None) -> tuple[tuple[str, ...], StudyRecord | None]:
    """Return the experiments that a name stands for, and the study of the library that they belong to.

    Raises
    ------
    UnknownNameError
        If it is the name of neither an experiment nor a study.
    """
    held = Library.default() if library is None else library
    studies: dict[str, StudyRecord] = held.read_all("studies")
    if name in studies:
        return studies[name].experiments, studies[name]
    if name not in held.names("experiments"):
        raise UnknownNameError("experiment", name, (*studies, *held.names("experiments")))
    return (name,), next((study for study in studies.values() if name in study.experiments), None)


def main_experiment(library: Library | None = None) -> str:
    """Return the experiment that is meant where none is named: the main one of the first study that has one.

    Raises
    ------
    UnknownNameError
        If no study of the library names one.
    """
    held = Library.default() if library is None else library
    for study in held.read_all("studies").values():
        if study.main:
            return str(study.main)
    raise UnknownNameError("experiment", "", held.names("experiments"))


def named_system(name: str, system: str, library: Library | None = None) -> str:
    """Return the system that is named, or the only one of an experiment.

    Raises
    ------
    InvalidValueError
        If none is named and there are several: numbers of one would be taken for those of another.
    """
    held = Library.default() if library is None else library
    if system or name not in held.names("experiments"):
        return system
    known = held.read("experiments", name).systems
    if len(known) > 1:
        raise InvalidValueError(
            f'"{name}" is of {len(known)} systems, and what is asked differs between them. Name one with --system: '
            f"{', '.join(known)}."
        )
    return str(known[0])
