"""Damages text files that gvlab reads, and says which damage ends in anything but a sentence.

    .venv/bin/python scripts/fuzz_records.py                a minute for each kind of file
    .venv/bin/python scripts/fuzz_records.py --seconds 5 records tables

Files of instruments have a script of their own. A reader may refuse a file with one of our errors, and may read it; any
other exception is a fault, and so is what takes longer than ten seconds.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from gvlab.bibliography import read_bibliography
from gvlab.calibration.checkpoint import read_checkpoint
from gvlab.errors import GVLabError
from gvlab.experiment.experiment import Experiment
from gvlab.experiment.text import ExperimentFile
from gvlab.library import Library
from gvlab.protocol import Protocol
from gvlab.sbml.equations import Equations

LIBRARY = Path(__file__).parents[1] / "src" / "gvlab" / "library"
LONGEST = 10.0
"""Seconds after which reading a small file is a fault."""

_WORDS = (
    b"nan",
    b"-inf",
    b"1e999",
    b"!!python/object",
    b"&a [*a]",
    b"<<: *a",
    b"\xff\xfe",
    b"\x00",
    b"{}",
    b"[[[[",
    b"~",
)


def damaged(content: bytes, random_: random.Random) -> bytes:
    """Return a file with one to four faults: cut, doubled, moved, swapped bytes, words that no file should hold."""
    data = bytearray(content)
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(data) + 1)
        to = min(len(data), at + random_.randint(1, 40))
        match random_.randrange(6):
            case 0:
                del data[at:to]
            case 1:
                data[at:at] = data[at:to]
            case 2:
                data[at:at] = random_.choice(_WORDS)
            case 3 if data:
                data[min(at, len(data) - 1)] = random_.randrange(256)
            case 4:
                del data[at:]
            case _:
                lines = bytes(data).split(b"\n")
                random_.shuffle(lines)
                data = bytearray(b"\n".join(lines))
    return bytes(data)


def in_library(kind: str, name: str) -> Callable[[bytes], object]:
    """Return what reads a library of one's own in which one file is damaged."""

    def read(content: bytes) -> object:
        with tempfile.TemporaryDirectory() as place:
            file = Path(place) / kind / name
            file.parent.mkdir()
            file.write_bytes(content)
            library = Library(Path(place))
            return library.read_all(kind) if name.endswith(".yaml") else library.rows(kind)

    return read


def bibliography(content: bytes) -> object:
    """Read a bibliography."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "references.bib"
        file.write_bytes(content)
        return read_bibliography(file)


def checkpoint(content: bytes) -> object:
    """Read the checkpoint of a search."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "particles.npz"
        file.write_bytes(content)
        return read_checkpoint(file, {"points": 2, "about": 0})


def dosing_table(content: bytes) -> object:
    """Read a dosing table, as far as pandas can read the text at all."""
    try:
        table = pd.read_csv(io.BytesIO(content))
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError):
        return None
    return Protocol.by_subject(table)


def experiment(content: bytes) -> object:
    """Read an experiment as text."""
    return ExperimentFile.parse(content.decode("utf-8", "replace"))


def document(content: bytes) -> object:
    """Read an SBML document."""
    return Equations(content.decode("utf-8", "replace")).states


def _checkpoint() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, points=np.random.default_rng(1).random((40, 5)), about=np.array('{"recipe": "x"}'))
    return file.getvalue()


def _table() -> bytes:
    arm = Experiment.read("mathew2018_syngeneic").arms[-1]
    doses = tuple(dose for dose in arm.protocol if dose.harvest is None)
    return Protocol(doses).table().to_csv(index=False).encode()


def targets() -> dict[str, tuple[bytes, Callable[[bytes], object]]]:
    """Return what is damaged, by kind, and what reads it."""
    found: dict[str, tuple[bytes, Callable[[bytes], object]]] = {}
    for kind in ("agents", "experiments", "findings", "systems"):
        file = sorted((LIBRARY / kind).glob("*.yaml"))[0]
        found[f"records of {kind}"] = (file.read_bytes(), in_library(kind, file.name))
    for kind in ("conditions", "parameters", "edges"):
        file = sorted((LIBRARY / kind).glob("*.tsv"))[0]
        found[f"tables of {kind}"] = (file.read_bytes(), in_library(kind, file.name))
    found["bibliography"] = ((LIBRARY / "references.bib").read_bytes()[:20_000], bibliography)
    found["checkpoint"] = (_checkpoint(), checkpoint)
    found["dosing table"] = (_table(), dosing_table)
    text = ExperimentFile(Experiment.read("mathew2018_survival"), 1, 20).to_yaml()
    found["experiment as text"] = (text.encode(), experiment)
    found["sbml"] = (_SBML.encode(), document)
    return found


_SBML = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">
<listOfCompartments><compartment id="c" size="1" constant="true" spatialDimensions="3"/></listOfCompartments>
<listOfSpecies><species id="s" compartment="c" initialAmount="1" hasOnlySubstanceUnits="true" boundaryCondition="false"
 constant="false"/></listOfSpecies>
<listOfParameters><parameter id="k" value="0.5" constant="true"/></listOfParameters>
<listOfRules><rateRule variable="s"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><cn>-1</cn>
<ci>k</ci><ci>s</ci></apply></math></rateRule></listOfRules>
<listOfEvents><event id="e" useValuesFromTriggerTime="true"><trigger initialValue="true" persistent="true">
<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><lt/><ci>s</ci><cn>0.5</cn></apply></math></trigger>
<listOfEventAssignments><eventAssignment variable="s"><math xmlns="http://www.w3.org/1998/Math/MathML"><cn>1</cn></math>
</eventAssignment></listOfEventAssignments></event></listOfEvents></model></sbml>
"""


def main() -> int:
    """Damage files for a while, print every fault, and return 1 where there was one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="*", help="beginnings of the names of kinds; all when left out")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    faults = 0
    for name, (content, read) in targets().items():
        if options.kinds and not name.startswith(tuple(options.kinds)):
            continue
        read(content)  # what is whole is read
        draw, tried, refused, seen = random.Random(f"{options.seed} {name}"), 0, 0, set()
        end = time.monotonic() + options.seconds
        while time.monotonic() < end:
            tried += 1
            begun, data = time.monotonic(), damaged(content, draw)
            try:
                read(data)
            except GVLabError:
                refused += 1
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                if (type(error), where.lineno) not in seen:
                    seen.add((type(error), where.lineno))
                    print(f"fault  {name}, number {tried}: {type(error).__name__}: {str(error)[:200]}")
                    print("".join(traceback.format_tb(error.__traceback__)[-3:]), flush=True)
            if time.monotonic() - begun > LONGEST:
                seen.add((TimeoutError, tried))
                print(f"fault  {name}, number {tried}: {time.monotonic() - begun:.0f} s", flush=True)
        faults += len(seen)
        print(f"{name}: {tried} tried, {refused} refused in words, {len(seen)} faults", flush=True)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
