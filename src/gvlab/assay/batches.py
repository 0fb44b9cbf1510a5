"""Reads many virtual subjects on one day with an assay, in batches as a laboratory would."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.assay.assay import Assay
from gvlab.assay.samples import Samples

BATCH = 40
"""Subjects that are read in one batch of an assay: a band over many batches holds the difference between them too."""


def read_in_batches(
    assay: Assay, analyte: str, truth: Mapping[str, Float[Array, " subject"]], day: float, rng: np.random.Generator
) -> Float[Array, " subject"]:
    """Return one reading a subject, with the assay's error, one batch of `BATCH` subjects after the other.

    Parameters
    ----------
    assay, analyte
        What is read.
    truth
        By output of the model; NaN for a subject that is dead.
    day
        When.
    rng
        Source of every error.

    Returns
    -------
    NaN for those who are dead, or hold too little for the assay.
    """
    n = len(next(iter(truth.values())))
    found = np.full(n, np.nan)
    for start in range(0, n, BATCH):
        some = {output: truth[output][start : start + BATCH, None] for output in assay.outputs}
        if not np.isfinite(np.stack(list(some.values()))).all(axis=0).any():
            continue
        names = [str(start + number) for number in range(len(next(iter(some.values()))))]
        readings = assay.read(Samples(some, names, ["x"] * len(names), np.array([day])), rng, raw=False).table
        mine = readings[readings["analyte"] == analyte]
        found[mine["subject"].astype(np.int64)] = mine["value"]
    return found
