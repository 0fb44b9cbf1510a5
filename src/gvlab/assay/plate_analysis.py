"""Concentrations off a plate: the standards fitted, the fit believed or not, and every replicate held to the range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gvlab.arrays import Array, Float
from gvlab.assay import logistic
from gvlab.assay.readers.plate import PlateReading
from gvlab.assay.readers.well_series import MINUTE, WAVELENGTH, WellSeries, summary
from gvlab.errors import InvalidValueError, some_of

CV, SD = 0.04, 0.01
"""Error of an optical density by which standards are weighted: a part of it, and a constant of the top of the curve."""

FEWEST_LEVELS = 5
BELIEVED = (50.0, 200.0)
"""Recoveries of standards in percent within which a fit is believed."""
_ORDER = ("samples", "standards", "curve", "wells", "series")
_SAMPLES = (
    "sample", "value", "unit", "replicates", "in_range", "below", "above", "cv_percent", "below_lloq", "above_uloq",
)  # fmt: skip


def analyze_plates(
    plates: Sequence[PlateReading | WellSeries],
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Return tables of the plates of a file, and notes.

    Returns
    -------
    Of one plate as `analyze_plate`; of several the same tables with a column ``plate``, each with its own curve; one
    whose curve is not to be believed has its wells alone, and the reason is among the notes. Of readings over time or
    wavelengths "wells" (first, last, highest, slope) and "series".

    Raises
    ------
    InvalidValueError
        As `analyze_plate`, if there is one plate, or if nothing at all can be read of several.
    """
    if len(plates) == 1:
        tables, notes = _tables(plates[0])
        return tables, (*plates[0].notes, *notes)
    parts: dict[str, list[pd.DataFrame]] = {}
    said: dict[str, list[str]] = {}
    for plate in plates:
        try:
            tables, notes = _tables(plate)
        except InvalidValueError as error:
            if isinstance(plate, WellSeries):
                raise
            tables, notes = {"wells": plate.wells}, (str(error),)
        for name, table in tables.items():
            parts.setdefault(name, []).append(
                pd.concat([pd.Series(plate.name, table.index, name="plate"), table], axis=1)
            )
        for note in (*plate.notes, *notes):
            said.setdefault(note, []).append(plate.name)
    found = {name: pd.concat(parts[name], ignore_index=True) for name in _ORDER if name in parts}
    notes = tuple(
        note if len(names) == len(plates) else f"{some_of(dict.fromkeys(names), between='; ')}: {note}"
        for note, names in said.items()
    )
    names = some_of(dict.fromkeys(plate.name for plate in plates), between="; ")
    count = f"The file holds {len(plates)} plates, assays or wavelengths, each analyzed by itself: {names}."
    return found, (count, *notes)


def _tables(plate: PlateReading | WellSeries) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    if isinstance(plate, PlateReading):
        return analyze_plate(plate)
    over = {MINUTE: "times", WAVELENGTH: "wavelengths"}.get(plate.axis, "points")
    count = plate.table[plate.axis].nunique()
    notes = [f"Every well was read at {count} {over}; no concentrations are computed of that."]
    if plate.axis == MINUTE:
        notes.append("The slope is that of the line through all readings of a well, per minute.")
    return {"wells": summary(plate), "series": plate.table}, tuple(notes)


def analyze_plate(plate: PlateReading) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Return tables of a plate, and notes.

    Returns
    -------
    "samples" (mean of the replicates within the range, how many these are, their CV, and flags where none is),
    "standards" (recovery), "curve", "wells". Without standards "wells" alone.

    Raises
    ------
    InvalidValueError
        If the fit is not to be believed: a standard is not recovered within 50 to 200 %, or every sample stands at a
        limit.
    """
    wells = plate.wells
    used = wells[wells["state"] != "excluded"]
    known = used[used["role"].isin(["standard", "blank"]) & used["concentration"].notna()]
    read = known[known["state"] == ""]
    if not (known["role"] == "standard").any():
        return {"wells": wells.drop(columns="concentration")}, (
            'No well of the plate is a standard, so there are no concentrations. Add a column Type ("standard", '
            '"blank", "sample") with the column Concentration, or a second grid with "standard 250", "blank" and '
            "names of samples.",
        )
    levels, density = (read[name].to_numpy(dtype=np.float64) for name in ("concentration", "density"))
    if len(np.unique(levels)) < FEWEST_LEVELS:
        return {"wells": wells}, (
            f"A curve with four parameters needs at least {FEWEST_LEVELS} concentrations of standard; there are "
            f"{len(np.unique(levels))}, so there are no concentrations. Add standards, or mark them in the layout.",
        )
    scale = max(1.0, float(np.abs(density).max()))
    fitted = logistic.fit(levels, density, CV, SD * scale if scale > 10.0 else SD)[0]
    back = logistic.inverse(fitted, density)
    with np.errstate(divide="ignore", invalid="ignore"):
        recovery = np.where(levels > 0, 100.0 * back / levels, np.nan)
    _check_recoveries(levels, recovery)
    standards = pd.DataFrame({"well": read["well"].to_numpy(), "concentration": levels, "density": density})
    standards["recovery_percent"] = recovery
    low, high = float(levels[levels > 0].min()), float(levels.max())
    samples = _samples(used, fitted, (low, high), plate.unit)
    if len(samples) > 1 and (samples["in_range"] == 0).all():
        raise InvalidValueError(
            f"Not one of {len(samples)} samples lies between the lowest and the highest standard ({low:g} to "
            f"{high:g}), so no concentration can be read. Check the concentrations of the standards, and which "
            "wells are samples."
        )
    bottom, top, log_c, log_hill = (float(value) for value in fitted)
    curve = pd.DataFrame(
        {
            "parameter": ["bottom", "top", "c", "hill", "LLOQ", "ULOQ"],
            "value": [bottom, top, np.exp(log_c), np.exp(log_hill), low, high],
        }
    )
    notes = ["Limits are the lowest and the highest standard, for each replicate."]
    if (used["dilution"] == 1.0).all():
        notes.append("A dilution of the samples is not included.")
    mixed = samples[(samples["in_range"] > 0) & (samples["in_range"] < samples["replicates"])]
    if len(mixed):
        beyond = some_of(
            f'"{row["sample"]}": {row["replicates"] - row["in_range"]} of {row["replicates"]} replicates'
            for row in mixed.to_dict("records")
        )
        notes.append(f"{beyond} lie beyond the standards; the value is that of the others.")
    return {"samples": samples, "standards": standards, "curve": curve, "wells": wells}, tuple(notes)


def _check_recoveries(levels: Float[Array, "well"], recovery: Float[Array, "well"]) -> None:
    positive = np.unique(levels[levels > 0])
    mean = np.array([recovery[levels == level].mean() for level in positive])
    wrong = ~((mean >= BELIEVED[0]) & (mean <= BELIEVED[1]))
    if wrong.any():
        shown = ", ".join(f"{level:g}: {value:.0f} %" for level, value in zip(positive, mean, strict=True))
        raise InvalidValueError(
            f"The curve does not give the standards back ({shown}; believed are {BELIEVED[0]:.0f} to {BELIEVED[1]:.0f} "
            "%), so no concentration was read off it. Check the concentrations of the standards, and exclude wells "
            'that failed (a column "Omit" with "true").'
        )


def _samples(used: pd.DataFrame, fitted: Float[Array, "4"], limits: tuple[float, float], unit: str) -> pd.DataFrame:
    low, high = limits
    rows = []
    chosen = used[~used["role"].isin(["standard", "blank"])]
    rising = fitted[1] > fitted[0]
    for name, wells in chosen.groupby("sample", sort=False):
        found = logistic.inverse(fitted, wells["density"].to_numpy(dtype=np.float64))
        state = wells["state"].to_numpy()
        # A signal beyond the reader is beyond the curve, on the side to which the curve goes there.
        found = np.where(state == "above", np.inf if rising else 0.0, found)
        found = np.where(state == "below", 0.0 if rising else np.inf, found)
        dilution = wells["dilution"].to_numpy(dtype=np.float64)
        within = (found >= low) & (found <= high)
        values = found[within] * dilution[within]
        below, above = int((found < low).sum()), int((found > high).sum())
        if len(values):
            value = float(values.mean())
            cv = 100 * float(values.std(ddof=1)) / value if len(values) > 1 else np.nan
        else:
            value, cv = (low if below >= above else high) * float(dilution.mean()), np.nan
        flags = not len(values) and below >= above, not len(values) and above > below
        rows.append((name, value, unit, len(wells), len(values), below, above, cv, *flags))
    return pd.DataFrame(rows, columns=list(_SAMPLES))
