"""What a number rests on, and what made a result: evidence, hashes and manifests."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import metadata
from typing import Any


class Evidence(StrEnum):
    """What a number rests on."""

    MEASURED = "measured"
    DERIVED = "derived"
    CALIBRATED = "calibrated"
    ASSUMED = "assumed"


@dataclass(frozen=True)
class Manifest:
    """What made a result: enough to make it again, and to see what has changed since.

    Attributes
    ----------
    model
        SHA-256 of the SBML text.
    tables
        SHA-256 of each input, by name: the resolved parameter table, the cohort, the protocol.
    seed
        Seed of the cohort, or None where nothing was drawn.
    engine
        Name of the engine.
    tolerances
        What the engine was asked for; empty where it took its own.
    versions
        Of gvlab, Python and the libraries that compute.
    platform
        Operating system and processor.
    notes
        Anything else, text by name.
    """

    model: str
    tables: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    engine: str = ""
    tolerances: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=lambda: versions())
    platform: str = field(default_factory=lambda: f"{platform.system()} {platform.machine()}")
    notes: Mapping[str, str] = field(default_factory=dict)

    def replace(self, **changes: Any) -> Manifest:
        """Return a manifest with some fields changed."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries and numbers, keys sorted."""
        plain = dataclasses.asdict(self)
        return {key: dict(sorted(value.items())) if isinstance(value, dict) else value for key, value in plain.items()}

    def to_json(self) -> str:
        """Return JSON text; the same manifest gives the same text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Return what `to_json` wrote."""
        return cls(**json.loads(text))


def versions() -> dict[str, str]:
    """Return the versions of gvlab, Python and the libraries that compute."""
    return dict(_versions())


@functools.cache  # looking them up reads files, 13 ms for every run
def _versions() -> dict[str, str]:
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in ("gvlab", "numpy", "scipy", "libroadrunner", "llvmlite", "python-libsbml"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def sha256(content: str | bytes) -> str:
    """Return the SHA-256 of text (as UTF-8) or bytes, in hexadecimal."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
