"""Blood that sampling takes from an animal: read off the specimens, summed, and held against what may be taken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gvlab import units
from gvlab.experiment.experiment import Experiment
from gvlab.library.assay_record import AssayRecord
from gvlab.library.husbandry_record import HusbandryRecord
from gvlab.subject.cohort import BODY_MASS

_SPECIMEN = re.compile(
    r"(?P<what>blood|serum|plasma)\b(?:,\s*(?P<volume>[\d.eE+-]+\s*[a-zA-Zµ]+)(?P<well> per well)?)?"
)
_COHORT = 200


def husbandry_of(experiment: Experiment) -> HusbandryRecord | None:
    """Return what the library holds of the species of the host; None where it holds nothing, as of a culture."""
    for record in experiment.library.read_all("husbandry").values():
        if record.context in experiment.system.contexts:
            assert isinstance(record, HusbandryRecord)
            return record
    return None


def blood_of(record: AssayRecord, kept: HusbandryRecord) -> float | None:
    """Return the blood of one sample in mL: 0 where none is taken, None where the record names no volume.

    Serum takes more blood than there is serum; "per well" is multiplied by the wells of a sample.
    """
    found = _SPECIMEN.match(record.specimen)
    if not found:
        return 0.0
    if not found["volume"]:
        return None
    volume = float(units.convert((read := units.quantity(found["volume"], "a specimen")).value, read.unit, "mL"))
    if found["well"]:
        volume *= record.replicates
    return volume if found["what"] == "blood" else volume / kept.serum_of_blood.value


@dataclass(frozen=True)
class BloodSum:
    """Blood that is taken from one animal within the days of a limit, at the worst.

    Attributes
    ----------
    volume, limit
        In mL, of an animal of median body mass.
    first, last
        The days between which it is taken.
    rule
        The limit in words, with its source.
    """

    volume: float
    limit: float
    first: float
    last: float
    rule: str

    def in_words(self) -> str:
        """Return the sum, the limit, and what to do where it is exceeded."""
        days = f"day {self.first:g}" if self.first == self.last else f"days {self.first:g} to {self.last:g}"
        text = f"Blood of one animal: at most {1000 * self.volume:.0f} uL within a week ({days})"
        if self.volume <= self.limit:
            return f"{text}, within the limit of {1000 * self.limit:.0f} uL ({self.rule})."
        return (
            f"{text}, MORE than the limit of {1000 * self.limit:.0f} uL ({self.rule}). Read fewer things of an "
            "animal, read on fewer days, dilute the samples, or give the readings animals of their own."
        )


def blood_sum(experiment: Experiment, samples: Sequence[tuple[float, float]], kept: HusbandryRecord) -> BloodSum | None:
    """Return the largest sum of blood within the days of the limit; None where none is taken.

    Parameters
    ----------
    experiment
        For the body mass of its animals.
    samples
        Day and mL of every sample of one animal.
    kept
        The limit, and the circulating blood.
    """
    drawn = sorted((day, volume) for day, volume in samples if volume > 0)
    if not drawn or BODY_MASS not in experiment.system.parameters():
        return None
    mass = float(np.median(experiment.system.cohort(_COHORT, 1).column(BODY_MASS)))
    limit = kept.blood_limit
    circulating = float(units.convert(kept.circulating_blood.value, kept.circulating_blood.unit, "mL/kg")) * mass
    windows = []
    for start, _ in drawn:
        within = [(day, volume) for day, volume in drawn if start <= day < start + limit.days]
        windows.append((sum(volume for _, volume in within), start, within[-1][0]))
    volume, first, last = max(windows)
    rule = (
        f"{limit.percent:g} % of {kept.circulating_blood.value:g} {kept.circulating_blood.unit} within {limit.days:g} "
        f"days, {1000 * mass:.0f} g; {limit.source}, {limit.verification}"
    )
    return BloodSum(volume, limit.percent / 100 * circulating, first, last, rule)
