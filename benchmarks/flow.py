"""Times simulating, writing and reading back flow cytometry events: python benchmarks/flow.py [events]."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gvlab.assay.assay import Assay
from gvlab.assay.fcs import write_fcs
from gvlab.assay.flow import record_strategy
from gvlab.assay.flow_events import TubeContent, acquire
from gvlab.assay.readers.fcs import read_fcs


def main(count: int) -> None:
    setting = Assay.named("cd8_flow").parameters
    rng = np.random.default_rng(0)
    kinds = len(setting.record.cells)
    medians = np.full((kinds, len(setting.record.channels)), 5_000.0)
    tube = TubeContent(
        rng.multinomial(count, np.full(kinds, 1 / kinds)), medians, np.ones(len(setting.record.channels))
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tube.fcs"
        start = time.perf_counter()
        file = acquire(setting, tube, rng)
        simulated = time.perf_counter()
        write_fcs(path, file)
        written = time.perf_counter()
        record_strategy(setting.record).apply(file)
        gated = time.perf_counter()
        read_fcs(path)
        read = time.perf_counter()
        print(f"{count:,} events x {len(file.channels)} channels, {path.stat().st_size / 1e6:.0f} MB")
    print(f"simulated and written in {written - start:.2f} s ({simulated - start:.2f} + {written - simulated:.2f})")
    print(f"gated in {gated - written:.2f} s, read back in {read - gated:.2f} s")


if __name__ == "__main__":
    main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000)
