"""Reads the files that a search keeps; of a damaged one it says which, and the way out."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gvlab.errors import LibraryError


def read_checkpoint(path: Path, made_of: Mapping[str, int]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a checkpoint.

    Parameters
    ----------
    path
        A file of NumPy's, .npz.
    made_of
        How many axes each array has, by name.

    Raises
    ------
    LibraryError
        If the file cannot be read, or does not hold these arrays.
    """
    try:
        # Objects would be code that is run as it is read. NumPy leaves a file open that it cannot read.
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in made_of}
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        TypeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
        MemoryError,
    ) as error:
        raise damaged(path, str(error).rstrip(".")) from error
    for name, array in arrays.items():
        if array.ndim != made_of[name]:
            raise damaged(path, f'"{name}" has {array.ndim} axes in place of {made_of[name]}')
    return arrays


def damaged(path: Path, why: str) -> LibraryError:
    """Return the error of a checkpoint that does not hold what it should."""
    return LibraryError(f'The checkpoint "{path}" cannot be read: {why}. Delete it to begin anew.')


def other_recipe(path: Path) -> LibraryError:
    """Return the error of a checkpoint that belongs to another search."""
    return LibraryError(
        f'The checkpoint "{path}" was made with another recipe, other bounds or other findings. '
        "Delete it to begin anew, or name another folder."
    )


def same_rows(path: Path, arrays: Sequence[npt.NDArray[Any]]) -> None:
    """Raise if arrays that tell of the same points do not tell of the same number of them."""
    if len({len(array) for array in arrays}) > 1:
        raise damaged(path, f"its arrays have {', '.join(str(len(array)) for array in arrays)} rows")
