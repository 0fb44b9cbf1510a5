"""Expression relative to a calibrator, from cycles: ddCt with efficiencies (Pfaffl), nothing for what is missing."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from gvlab.assay.qpcr import CALIBRATOR, ratio
from gvlab.assay.readers.cycler import CyclerReading
from gvlab.errors import UnknownNameError, some_of

_COLUMNS = ("sample", "target", "wells", "determined", "ct", "ct_sd", "delta_ct", "ratio", "undetermined")
_MOST_SPREAD = 0.5
"""Standard deviation of replicates in cycles beyond which one of the wells is in doubt, by common practice."""


def analyze_cycles(
    read: CyclerReading,
    reference: str = "",
    calibrator: str = "",
    efficiencies: Mapping[str, float] | None = None,
    usual_references: Collection[str] = (),
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Compute expression relative to a calibrator.

    Parameters
    ----------
    read
        Wells of a run.
    reference
        Name of the reference gene; found by the task "endogenous control", the file's settings or its usual name where
        not named.
    calibrator
        Name of the calibrator sample, or how the names of several begin; "calibrator" where not named.
    efficiencies
        Of amplification, by target; those of the file where not named. With 1 for all it is 2^-ddCt.
    usual_references
        Genes that are references in most laboratories, in small letters.

    Returns
    -------
    Tables "ratios" and "wells", and notes. A Ct is the mean of the replicates that crossed the threshold; where none
    did, or the reference is missing, there is no ratio. `undetermined` says that a replicate did not cross it. Without
    a calibrator (none named, none found) the ratio is missing, and a note says how to name it.

    Raises
    ------
    UnknownNameError
        If a reference gene or a calibrator that was named is not there.
    """
    wells = read.wells
    notes = list(read.notes)
    used = wells[wells["use"] == ""]
    if used.empty:
        notes.append("No well holds a sample: all are controls, standards, omitted or without a name.")
        return {"wells": wells}, tuple(notes)
    targets, samples = (tuple(dict.fromkeys(used[name])) for name in ("target", "sample"))
    reference = _reference(used, targets, reference, read.reference, usual_references)
    if not reference:
        notes.append(
            f"It is not clear which target is the reference gene, so there are no ratios. Say reference=...; targets: "
            f"{', '.join(targets)}."
        )
        return {"cycles": _cycles(used), "wells": wells}, tuple(notes)
    controls = _controls(samples, calibrator or read.calibrator)
    written = used.groupby("target")["efficiency"].first()
    efficiency = {target: (efficiencies or {}).get(target, float(written[target])) for target in targets}
    mean, spread, counts = _means(used)
    zero = {target: _zero(mean, controls, target, reference) for target in targets}
    rows, without = [], []
    for target in targets:
        for sample in samples:
            if target == reference or (target, sample) not in mean:
                continue
            ct, ct_reference = mean[target, sample], mean.get((reference, sample), math.nan)
            if math.isnan(ct_reference):
                without.append(sample)
            value = ratio(
                np.array(ct - zero[target][0]), np.array(ct_reference - zero[target][1]), efficiency[target],
                efficiency[reference],
            )  # fmt: skip
            all_wells, determined = counts[target, sample]
            of_reference = counts.get((reference, sample), (0, 0))
            late = determined < all_wells or of_reference[1] < of_reference[0]
            difference = ct - ct_reference
            rows.append(
                (sample, target, all_wells, determined, ct, spread[target, sample], difference, float(value), late)
            )
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    notes.append(
        "Efficiencies were taken as 1, so the ratio is 2^-ddCt."
        if all(value == 1.0 for value in efficiency.values())
        else "The efficiencies of the file were used."
    )
    notes += _said(table, reference, controls, samples, sorted(set(without)))
    return {"ratios": table, "wells": wells}, tuple(notes)


def _cycles(used: pd.DataFrame) -> pd.DataFrame:
    """Return the mean Ct of each target in each sample, where there is no reference gene to compare with."""
    mean, spread, counts = _means(used)
    rows = [
        (sample, target, *counts[target, sample], ct, spread[target, sample]) for (target, sample), ct in mean.items()
    ]
    return pd.DataFrame(rows, columns=["sample", "target", "wells", "determined", "ct", "ct_sd"])


def _zero(
    mean: Mapping[tuple[str, str], float], controls: list[str], target: str, reference: str
) -> tuple[float, float]:
    """Return the mean Ct of a target and of the reference in the calibrators that have both; NaN where none has."""
    pairs = [(mean.get((target, name), math.nan), mean.get((reference, name), math.nan)) for name in controls]
    both = [pair for pair in pairs if not any(math.isnan(value) for value in pair)]
    return (float(np.mean([a for a, _ in both])), float(np.mean([b for _, b in both]))) if both else (math.nan,) * 2


def _means(
    used: pd.DataFrame,
) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], float], dict[tuple[str, str], tuple[int, int]]]:
    """Return by target and sample: mean Ct of wells that crossed the threshold, their SD, and how many of how many."""
    mean, spread, counts = {}, {}, {}
    for key, group in used.groupby(["target", "sample"], sort=False):
        place = (str(key[0]), str(key[1]))
        found = group["ct"].dropna().to_numpy(dtype=np.float64)
        mean[place] = float(found.mean()) if len(found) else math.nan
        spread[place] = float(found.std(ddof=1)) if len(found) > 1 else math.nan
        counts[place] = len(group), len(found)
    return mean, spread, counts


def _said(
    table: pd.DataFrame, reference: str, controls: list[str], samples: tuple[str, ...], without: list[str]
) -> list[str]:
    notes = [f'"{reference}" is the reference gene.']
    if controls:
        notes.append(f"Calibrator: {some_of(controls)}.")
        half = [name for name in controls if name in without]
        if half and len(half) < len(controls):
            notes.append(f"Without the reference gene, so not among the calibrators: {some_of(half)}.")
    else:
        notes.append(
            'No sample is called "calibrator", so there are differences in cycles and no ratios. Say calibrator=... '
            f"with the name of the untreated sample; samples: {some_of(samples, 20)}."
        )
    if without:
        notes.append(f'Without the reference gene "{reference}", so without a ratio: {some_of(without)}.')
    never = table[table["determined"] == 0]
    partly = table[(table["determined"] > 0) & (table["determined"] < table["wells"])]
    if len(never):
        shown = some_of(f"{row.target} in {row.sample}" for row in never.itertuples())
        notes.append(f"No well crossed the threshold, so there is no ratio: {shown}.")
    apart = table[table["ct_sd"] > _MOST_SPREAD]
    if len(apart):
        shown = some_of(f"{row.target} in {row.sample} ({row.ct_sd:.1f})" for row in apart.itertuples())
        notes.append(
            f"Replicates differ by a standard deviation of more than {_MOST_SPREAD:g} cycles, so look at the wells: "
            f"{shown}."
        )
    if len(partly):
        short = some_of(
            f"{row['target']} in {row['sample']}: {row['wells'] - row['determined']} of {row['wells']} wells"
            for row in partly.to_dict("records")
        )
        notes.append(f"{short} did not cross the threshold; the mean is of the others, and rather too low for that.")
    return notes


def _controls(samples: tuple[str, ...], calibrator: str) -> list[str]:
    wanted = (calibrator or CALIBRATOR).strip().lower()
    exact = [name for name in samples if name.strip().lower() == wanted]
    found = exact or [name for name in samples if name.lower().startswith(wanted)]
    if not found and calibrator:
        raise UnknownNameError("calibrator sample", calibrator, samples)
    return found


def _reference(
    used: pd.DataFrame, targets: tuple[str, ...], wanted: str, in_settings: str, usual_references: Collection[str]
) -> str:
    if wanted:
        found = [name for name in targets if name.lower() == wanted.lower()]
        if not found:
            raise UnknownNameError("reference gene", wanted, targets)
        return found[0]
    control = used["task"].str.lower().str.contains("endogenous|reference", regex=True)
    named = tuple(dict.fromkeys(used.loc[control, "target"]))
    told = tuple(name for name in targets if in_settings and name.lower() == in_settings.lower())
    usual = tuple(name for name in targets if _plain_gene(name) in usual_references)
    found_one = named or told or usual
    return str(found_one[0]) if len(found_one) == 1 else ""


def _plain_gene(name: str) -> str:
    """Return the name of a gene in small letters, without what assays put behind it."""
    return name.strip().lower().split("-")[0].split("_")[0].strip()
