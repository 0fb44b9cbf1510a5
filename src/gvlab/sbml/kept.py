"""Equations from the cache on disk, where the same text has been read before."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from importlib import metadata
from pathlib import Path

from gvlab import disk_cache
from gvlab.errors import ModelError
from gvlab.sbml.equations import Equations


def equations_of(text: str) -> Equations:
    """Return the equations of an SBML text: those that were kept, or those that are read now, and kept.

    Raises
    ------
    ModelError
        If the text is hostile or no well-formed SBML. What else is wrong with it is said when it is asked for.
    """
    key = f"{key_of(text)}.equations.json"
    stored = disk_cache.read(key)
    if stored is not None:
        try:
            return Equations.from_kept(text, json.loads(stored))
        except (ValueError, TypeError, LookupError):
            pass  # not what was written here: it is read anew
    equations = Equations.from_sbml(text)
    try:
        kept = equations.to_kept()
    except ModelError:
        return equations  # its names may be asked for all the same
    disk_cache.write(key, json.dumps(kept, separators=(",", ":")).encode())
    return equations


def key_of(text: str) -> str:
    """Return a hash of a text and of all that reads it, so that nothing kept outlives a change of either."""
    return hashlib.sha256(_reader() + text.encode()).hexdigest()


@cache
def _reader() -> bytes:
    # The version alone: parsing the whole of the metadata takes as long as reading a model.
    about = metadata.distribution("python-libsbml").read_text("METADATA") or ""
    version = re.search(r"^Version: .*$", about, re.MULTILINE)
    files = disk_cache.hash_of_files(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(files + (version.group() if version else about).encode()).digest()
