"""A stress test of an extracellular flux analyzer: parameters of wells where injections are known, else curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gvlab.assay import seahorse
from gvlab.assay.readers.wave import read_wave
from gvlab.assay.seahorse import Traces


def analyze_stress(
    path: Path, sheet: str, spellings: Mapping[str, Sequence[str]]
) -> tuple[str, dict[str, pd.DataFrame], tuple[str, ...], dict[str, str]]:
    """Return title, tables, notes, and the units of ``ocr`` and ``ecar`` of a Wave export; errors as `read_wave`.

    Parameters
    ----------
    path, sheet
        As `read_wave`.
    spellings
        Of injections, as `seahorse.phase_order`.
    """
    traces, notes = read_wave(path, sheet)
    order = seahorse.phase_order(traces.phases, spellings)
    background = np.array([group.lower() == "background" for group in traces.group])
    rates = _rates(traces)
    units = dict(zip(("ocr", "ecar"), traces.units, strict=True))
    said = [*notes, f"Phases: {', '.join(traces.phases)}."]
    if "rotenone + antimycin A" in order:
        title, values = "Mitochondrial stress test", seahorse.mito_parameters(traces.oxygen, traces.phase, order)
        said += [
            f"{name} was not injected, so what needs it was not computed."
            for name in ("oligomycin", "FCCP")
            if name not in order
        ]
    elif "glucose" in order:
        title, values = "Glycolysis stress test", seahorse.glycolysis_parameters(traces.acid, traces.phase, order)
    else:
        said.append(
            "Neither rotenone and antimycin A nor glucose is named among the injections, so the curves are shown by "
            "their names and no parameters were computed. Name the injections in Wave, or in the sheet Operation Log."
        )
        measured = rates[rates["group"].str.lower() != "background"]
        grouped = measured.groupby(["group", "phase"], sort=False)
        groups = (
            grouped[["ocr", "ecar"]].mean().add_suffix("_mean").join(grouped[["ocr", "ecar"]].std().add_suffix("_sd"))
        )
        groups.insert(0, "wells", grouped["well"].nunique())
        return "Extracellular flux", {"groups": groups.reset_index(), "rates": rates}, tuple(said), units
    wells = pd.DataFrame({"well": traces.well, "group": traces.group, **values})[~background].reset_index(drop=True)
    by_group = wells.groupby("group", sort=False)
    means, spreads = by_group[list(values)].mean().add_suffix("_mean"), by_group[list(values)].std().add_suffix("_sd")
    groups = means.join(spreads)[[f"{name}_{what}" for name in values for what in ("mean", "sd")]]
    groups.insert(0, "wells", by_group.size())
    return title, {"groups": groups.reset_index(), "wells": wells, "rates": rates}, tuple(said), units


def _rates(traces: Traces) -> pd.DataFrame:
    cycles = len(traces.minute)
    return pd.DataFrame(
        {
            "well": np.repeat(traces.well, cycles),
            "group": np.repeat(traces.group, cycles),
            "minute": np.tile(traces.minute, len(traces.well)),
            "phase": np.tile([traces.phases[number] for number in traces.phase], len(traces.well)),
            "ocr": traces.oxygen.ravel(),
            "ecar": traces.acid.ravel(),
        }
    )
