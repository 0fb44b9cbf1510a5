"""BenchState: an experiment, its seed, and what of it is looked at; as plain values, and as a link."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gvlab import units
from gvlab.errors import GVLabError, InvalidValueError, LibraryError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.experiment.text import ExperimentFile
from gvlab.library import Library
from gvlab.web import limits

SEED = 2018
TABS = ("result", "why", "axis", "assay", "plan", "data")
_VERSION = 1


@dataclass(frozen=True)
class BenchLook:
    """What of an experiment is looked at.

    Attributes
    ----------
    arm
        The arm whose controls are shown; "" is all of them together.
    versus
        The arm it is compared with; "" is the first other one.
    tab
        One of `TABS`.
    second
        The second picture, an output of the model; "" is the first there is.
    day
        On which the axis and the assays are read; "" is the last day on which anything is given.
    assay
        An assay of the library that is read; "" is the first there is.
    """

    arm: str = ""
    versus: str = ""
    tab: str = TABS[0]
    second: str = ""
    day: str = ""
    assay: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return plain values; what is left at its default is left out."""
        fields = ((each.name, getattr(self, each.name), each.default) for each in dataclasses.fields(self))
        return {name: value for name, value, default in fields if value != default}


LOOK_KEYS = tuple(each.name for each in dataclasses.fields(BenchLook))


@dataclass(frozen=True)
class BenchState:
    """An experiment, how it is run, and what of it is looked at.

    Attributes
    ----------
    file
        The experiment with seed, number of subjects and days.
    look
        What is looked at.
    said
        For a link: what it said when it was made, by arm; see `answer.numbers`.
    differs
        What differs between what a link was made with and what is here, in words.
    """

    file: ExperimentFile
    look: BenchLook = field(default_factory=BenchLook)
    said: Mapping[str, Any] = field(default_factory=dict)
    differs: tuple[str, ...] = ()

    @property
    def experiment(self) -> Experiment:
        """The experiment."""
        return self.file.experiment

    @property
    def seed(self) -> int:
        """Of the subjects."""
        return SEED if self.file.seed is None else self.file.seed

    @property
    def subjects(self) -> int:
        """Virtual subjects that go through every arm."""
        return self.file.subjects or limits.ALL_SUBJECTS

    @functools.cached_property
    def _experiment(self) -> dict[str, Any]:
        return self.file.to_dict()

    def with_experiment(self, experiment: Experiment) -> BenchState:
        """Return the state with another experiment."""
        return replace(self, file=replace(self.file, experiment=experiment))

    def with_look(self, **changes: str) -> BenchState:
        """Return the state with another look."""
        return replace(self, look=replace(self.look, **changes))

    def to_dict(self, said: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return plain values in a fixed order."""
        plain: dict[str, Any] = {"v": _VERSION, "experiment": self._experiment, "look": self.look.to_dict()}
        return {**plain, "said": dict(said)} if said else plain

    @classmethod
    def start(cls, library: Library, name: str, system: str | None = None) -> BenchState:
        """Return the state in which the bench opens an experiment of the library: its last arm is chosen.

        Raises
        ------
        UnknownNameError
            If there is no such experiment or system.
        """
        experiment = Experiment.read(name, system, library)
        file = ExperimentFile(experiment, SEED, limits.ALL_SUBJECTS)
        return cls(file, BenchLook(arm=experiment.arms[-1].name))

    @classmethod
    def from_dict(cls, content: Any, library: Library) -> BenchState:
        """Return the state of plain values; what was made with another model says so in `differs`.

        Raises
        ------
        InvalidValueError
            If it is too large, or no state.
        LibraryError, UnknownNameError, ProtocolError
            As `ExperimentFile.parse`.
        """
        limits.check_size(content)
        if not isinstance(content, Mapping) or not isinstance(content.get("experiment"), Mapping):
            raise InvalidValueError('A state of the bench has an "experiment", which is an experiment as text.')
        unknown = sorted(str(key) for key in content.keys() - {"v", "experiment", "look", "said"})
        if unknown:
            raise UnknownNameError("key of a state of the bench", unknown[0], ("v", "experiment", "look", "said"))
        if content.get("v", _VERSION) != _VERSION:
            raise LibraryError(f"The state has version {content.get('v')}, and this gvlab reads {_VERSION}.")
        written = dict(content["experiment"])
        made_with = {key: written.pop(key, None) for key in ("model", "parameters")}
        file = ExperimentFile.from_dict(written, library=library)
        limits.check_cost(file)
        now = {"model": file.experiment.model.sha256, "parameters": file.experiment.system.parameters().sha256}
        differs = tuple(
            f"the {key} then {str(made_with[key])[:12]}, now {now[key][:12]}"
            for key in now
            if made_with[key] is not None and made_with[key] != now[key]
        )
        return cls(file, _look(content.get("look", {}), file.experiment), _said(content.get("said", {})), differs)


def _look(content: Any, experiment: Experiment) -> BenchLook:
    if not isinstance(content, Mapping):
        raise InvalidValueError(f'"look" of a state of the bench has keys: {", ".join(LOOK_KEYS)}.')
    unknown = sorted(str(key) for key in content.keys() - set(LOOK_KEYS))
    if unknown:
        raise UnknownNameError('key of "look"', unknown[0], LOOK_KEYS)
    look = BenchLook(**{key: str(value) for key, value in content.items()})
    names = [arm.name for arm in experiment.arms]
    for key in ("arm", "versus"):
        if getattr(look, key) and getattr(look, key) not in names:
            raise UnknownNameError("arm", getattr(look, key), names)
    check_look(look, experiment)
    return look


def check_look(look: BenchLook, experiment: Experiment) -> None:
    """Raise `UnknownNameError` if there is no such tab, picture or assay, or `InvalidValueError` for a wrong day."""
    if look.tab not in TABS:
        raise UnknownNameError("tab of the bench", look.tab, TABS)
    if look.second and look.second not in experiment.outputs():
        raise UnknownNameError("output that is read", look.second, experiment.outputs())
    if look.assay and look.assay not in experiment.library.names("assays"):
        raise UnknownNameError("assay", look.assay, experiment.library.names("assays"))
    if look.day and units.day(look.day, "the day of the reading") < 0:
        raise InvalidValueError(f"{look.day} lies before the experiment, which begins on day 0.")


def _said(content: Any) -> Mapping[str, Any]:
    """Return the numbers a link was made with: by arm a share and a median, and nothing else."""
    if not isinstance(content, Mapping):
        raise InvalidValueError('"said" of a link has arms as keys.')
    for arm, numbers in content.items():
        good = isinstance(numbers, Mapping) and all(
            key in ("alive", "n", "median")
            and (value is None or (isinstance(value, int | float) and not isinstance(value, bool)))
            and (value is None or math.isfinite(value))
            for key, value in numbers.items()
        )
        if not isinstance(arm, str) or not good:
            raise InvalidValueError(f'What a link says of arm "{arm}" is not "alive", "n" and "median" as numbers.')
    return content


# ------------------------------------------------------------------------------------------------------------- links


def link_of(state: BenchState, said: Mapping[str, Any] | None = None) -> str:
    """Return the link to a state: ``e=`` and its canonical JSON, deflated and in the letters of an address."""
    return "e=" + encoded(state.to_dict(said))


def encoded(content: Mapping[str, Any]) -> str:
    """Return plain values as canonical JSON, deflated, in the letters of an address."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.urlsafe_b64encode(packed.compress(text.encode()) + packed.flush()).decode().rstrip("=")


def decoded(text: str) -> Any:
    """Return the plain values of a link: the whole address, its end ``#e=...``, or what follows ``e=``.

    Raises
    ------
    InvalidValueError
        If it is too long or none of ours.
    """
    body = text.strip().rpartition("#")[2].rpartition("e=")[2] if "e=" in text else text.strip()
    if len(body) > limits.MAX_LINK:
        raise InvalidValueError(f"The link has {len(body):,} letters; at most {limits.MAX_LINK:,} are taken.")
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        inflate = zlib.decompressobj(-15)
        plain = inflate.decompress(packed, limits.MAX_INFLATED)
        if inflate.unconsumed_tail:
            raise InvalidValueError(f"The link holds more than {limits.MAX_INFLATED:,} bytes; send the experiment.")
        return json.loads(plain.decode("utf-8"))
    except (binascii.Error, zlib.error, UnicodeDecodeError, ValueError, RecursionError) as error:
        if isinstance(error, GVLabError):
            raise
        raise InvalidValueError(
            "The link cannot be read: a part of it is missing, or it was changed. Copy it anew, from # to its end."
        ) from None


def state_of_link(text: str, library: Library) -> BenchState:
    """Return the state that a link leads to; errors as `decoded` and `BenchState.from_dict`."""
    return BenchState.from_dict(decoded(text), library)
