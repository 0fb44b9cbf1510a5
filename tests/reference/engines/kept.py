"""libRoadRunner behind our contract, with its answers kept on disk: what has been solved once is not solved again.

An answer is found by a hash of all that was asked, of the version of libRoadRunner and of the code that drives it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import roadrunner as peer

from gvlab.engine import EVENT_LOG, Options, Solution
from gvlab.engine.roadrunner import engine as driver
from gvlab.sbml.equations import Equations

folder: Path | None = None
"""Where answers are kept; nowhere where None."""


def solve(model: Equations, times: npt.NDArray[np.float64], **asked: Any) -> Solution:
    """Solve, or read what was solved before. See `gvlab.engine.contract.Solve`."""
    if folder is None:
        return driver.solve(model, times, **asked)
    path = folder / f"{_hash(model, times, asked)}.npz"
    if not path.is_file():
        solution = driver.solve(model, times, **asked)
        begun = path.with_suffix(".part.npz")
        arrays = ("values", "end_times", "final", "status", "steps", "events")
        np.savez_compressed(begun, **{name: getattr(solution, name) for name in arrays})
        begun.replace(path)
        return solution
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    assert arrays["events"].dtype == EVENT_LOG
    return Solution(
        times=times, outputs=tuple(asked["outputs"]), final_names=model.changeable, event_ids=model.events, **arrays
    )


def _hash(model: Equations, times: npt.NDArray[np.float64], asked: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for part in _parts(model, times, asked):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:32]


def _parts(model: Equations, times: npt.NDArray[np.float64], asked: dict[str, Any]) -> Iterator[bytes]:
    yield peer.__version__.encode()
    for source in sorted(Path(driver.__file__).parent.glob("*.py")):
        yield source.read_bytes()
    yield model.sbml.encode()
    yield times.tobytes()
    options: Options | None = asked.get("options")
    names: Sequence[str] = asked["outputs"]
    yield repr((asked["subjects"], tuple(names), tuple(asked.get("stop", ())), options)).encode()
    for name, value in sorted((asked.get("parameters") or {}).items()):
        yield name.encode()
        yield np.asarray(value, dtype=np.float64).tobytes()
    for operation in asked.get("schedule", ()):
        yield repr((operation.kind, operation.target, operation.pool, operation.guard)).encode()
        for value in (operation.time, operation.value, operation.added):
            yield np.asarray(value, dtype=np.float64).tobytes()
