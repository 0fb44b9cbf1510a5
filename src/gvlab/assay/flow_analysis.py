"""What an FCS file of a cytometer holds: its channels, and by a gating strategy counts, percentages and medians."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gvlab.assay.fcs import FlowFile
from gvlab.assay.gating import Strategy, compensate
from gvlab.assay.gatingml import read_gatingml
from gvlab.assay.readers.fcs import read_fcs


def analyze_flow(
    path: Path, gates: Path | str | None, data_set: int = 0
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...], FlowFile, Strategy | None]:
    """Return tables, notes, the events of a file and the gates; errors as `read_fcs` and `read_gatingml`."""
    file = read_fcs(path, data_set)
    channels = pd.DataFrame(
        {
            "channel": channel_labels(file),
            "marker": file.markers,
            "median": np.median(file.events, axis=0),
            "lowest": file.events.min(axis=0),
            "highest": file.events.max(axis=0),
        }
    )
    notes = [f"{len(file.events):,} events.", *file.notes]
    if file.spillover:
        notes.append("Compensated by the matrix in the file.")
    elif not any("compensat" in note for note in file.notes):
        notes.append("The file has no compensation matrix.")
    if gates is None:
        notes.append("No gates were given; give a Gating-ML 2.0 file for counts and percentages.")
        return {"channels": channels}, tuple(notes), file, None
    strategy = read_gatingml(gates)
    return {**gate_tables(file, strategy), "channels": channels}, tuple(notes), file, strategy


def channel_labels(file: FlowFile) -> tuple[str, ...]:
    """Return the names of the channels; where two have one name, with the number of the parameter."""
    return tuple(
        f"{name} ({number})" if file.channels.count(name) > 1 else name for number, name in enumerate(file.channels, 1)
    )


def gate_tables(file: FlowFile, strategy: Strategy) -> dict[str, pd.DataFrame]:
    """Count the events of each gate, and give the medians of compensated channels in it."""
    masks = strategy.apply(file)
    compensated = compensate(file, *file.spillover) if file.spillover else np.asarray(file.events, dtype=np.float64)
    counts, medians = [], []
    for gate in strategy.gates:
        inside = masks[gate.name]
        parent = int(masks[gate.parent].sum()) if gate.parent else len(inside)
        count = int(inside.sum())
        counts.append(
            (gate.name, gate.parent, count, 100 * count / parent if parent else np.nan, 100 * count / len(inside))
        )
        if count:
            medians.append((gate.name, *np.median(compensated[inside], axis=0)))
    labels = [
        marker if marker and file.markers.count(marker) == 1 else channel
        for channel, marker in zip(channel_labels(file), file.markers, strict=True)
    ]
    return {
        "gates": pd.DataFrame(counts, columns=["gate", "parent", "events", "percent_of_parent", "percent_of_all"]),
        "medians": pd.DataFrame(medians, columns=["gate", *labels]),
    }
