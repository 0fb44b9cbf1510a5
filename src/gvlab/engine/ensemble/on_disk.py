"""Readings that are written to disk as they come, for cohorts whose results do not fit into memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from gvlab.arrays import FloatArray
from gvlab.errors import InvalidValueError
from gvlab.files import atomic_file


@contextmanager
def mapped(path: Path, shape: tuple[int, ...]) -> Iterator[FloatArray]:
    """Return an array that lies in a NumPy file, which has its name once the block has ended well.

    Raises
    ------
    InvalidValueError
        If the name does not end in ``.npy``.
    OutputError
        If the file cannot be written, or the disk has no room for it.
    """
    if path.suffix != ".npy":
        raise InvalidValueError(f'"{path}" cannot take the readings: they are a NumPy file, whose name ends in ".npy".')
    with atomic_file(path) as temporary:
        values = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float64, shape=shape)
        if hasattr(os, "posix_fallocate"):
            # Room is taken now: a disk that is full later would end the process.
            with temporary.open("rb+") as file:
                os.posix_fallocate(file.fileno(), 0, temporary.stat().st_size)
        yield values
        values.flush()
