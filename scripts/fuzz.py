"""Hands damaged files to every reader of laboratory files, and says where one ends otherwise than read or refused.

    .venv/bin/python scripts/fuzz.py                        a minute each reader
    .venv/bin/python scripts/fuzz.py plates --seconds 20    one of them, for less

Found are tracebacks, more than 10 s of CPU for one file, and more than 1 GB of memory. Each damaged file that was found
is kept in the folder `--keep`, so that it becomes a test. The same seed gives the same files.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import openpyxl

from gvlab.assay import analyze
from gvlab.assay.fcs import FlowFile, write_fcs
from gvlab.assay.gating import Dimension, PolygonGate, RectangleGate, Strategy
from gvlab.assay.gatingml import decode, encode
from gvlab.assay.readers.wave import write_wave
from gvlab.assay.seahorse import Traces
from gvlab.assay.transforms import Logicle
from gvlab.assay.tubes import read_sample_sheet
from gvlab.errors import GVLabError

MOST_SECONDS = 10
MOST_BYTES = 1_000_000_000
ROWS = "ABCDEFGH"
INSERTED = (
    *"0123456789,;\t\n\"'=-+.<>()[]{}%$ ", "\r\n", "1e999", "nan", "1,000", "1.000", "OVRFLW", "Undetermined", "<7.8",
    "2026-01-32", "\N{REPLACEMENT CHARACTER}", "\x00", "A1", "H12", "Plate:\t", "##BLOCKS= 2\n", "[Results]\n",
    "Time\tA1\tA2\n", "#N/A", "=1+1", "9" * 40,
)  # fmt: skip


def _grid(value: Callable[[int, int], str]) -> str:
    header = "\t" + "\t".join(str(n) for n in range(1, 13)) + "\n"
    return header + "".join(f"{ROWS[r]}\t" + "\t".join(value(r, n) for n in range(12)) + "\n" for r in range(8))


def _density(level: float) -> float:
    return 0.05 + 3 / (1 + 200 / level) if level else 0.05


_LEVELS = [2000 / 3**step for step in range(7)] + [0.0]
_STANDARDS = "".join(
    f"{ROWS[r]}1,{'standard' if r < 7 else 'blank'},s{r},{_LEVELS[r]:.5g},,{_density(_LEVELS[r]):.4f}\n"
    for r in range(8)
)
TABLES = {
    "survival": [
        "Days,V,S\n12,1,\n15,1,\n40,,1\n100,,0\n",
        "mouse,group,time (days),event,cause\nm1,V,12,1,GVHD\nm2,V,30,0,\nm3,S,40,1,leukemia\nm4,S,41,1,GVHD\n",
        "id,arm,date of transplant,date of death,died\n1,a,2026-03-01,2026-03-20,yes\n2,b,2026-03-01,2026-04-20,no\n",
    ],
    "readings": [
        "subject,arm,day,analyte,value,unit\nm1,v,5,IL-15,12.5,pg/mL\nm2,d,5,IL-15,<7.8,pg/mL\n",
        "mouse;group;day;IL-15 (pg/mL);CD3 (%)\nm1;v;-1;1,5;40\nm2;d;9;2,5;45\n",
    ],
    "bioluminescence": ["Animal,Group,Day,ROI,Total Flux [p/s]\nm1,a,5,w,1.2e6\nm2,b,5,w,0\n"],
    "plates": [
        "Well,Type,Sample,Concentration (pg/mL),Dilution,OD\n" + _STANDARDS
        + "A2,sample,m1,,1:10,0.9\nA3,sample,m2,,,OVRFLW\n",
        "Raw\n" + _grid(lambda r, n: f"{_density(_LEVELS[r]):.4f}") + "\nLayout\n"
        + _grid(lambda r, n: f"standard {_LEVELS[r]:.5g}" if n < 2 and r < 7 else "blank" if n < 2 else f"m{n}"),
        "##BLOCKS= 1\nPlate:\tP\t1.3\tPlateFormat\tKinetic\tAbsorbance\n\tTemperature(C)\t1\t2\t3\n"
        "00:00:00\t25\t1\t2\t3\n\t\t4\t5\t6\n\n00:01:00\t25\t2\t3\t4\n\t\t5\t6\t7\n\n~End\n",
        "##BLOCKS= 1\nPlate:\tP\t1.3\tTimeFormat\tEndpoint\tAbsorbance\t2\t450 570\n\tTemperature(C)\tA1\tA2\n"
        "\t25\t1\t2\n\t25\t3\t4\n~End\nGroup: Unknowns\nSample\tWells\tValue\nm\tA1\t1\n~End\n",
        "Software Version\t3\n\nPlate Number\tPlate 1\nTime\tT\tA1\tA2\n0:00:00\t\t1\t2\n0:02:00\t\t2\t3\n\nResults\n"
        + _grid(lambda r, n: f"{r}.{n}"),
        "Plate_1\nSample,Assay,Well,Spot,Dilution,Concentration,Signal,Calc. Concentration\n"
        "S1,IL-15,A01,1,,50,3513,1\nU1,IL-15,A02,1,2,,351,1\nU1,IFN,A02,2,2,,35,1\n",
    ],
    "cycles": [
        "Well,Sample Name,Target Name,Task,CT\nA1,calibrator,Il15,U,30\nA2,calibrator,Gapdh,U,18\n"
        "A3,m1,Il15,U,Undetermined\n",
        "* Block Type = 96\n* Endogenous Control = Gapdh\n\n[Results]\nWell\tSample Name\tTarget Name\tCT\tOmit\n"
        "1\tu\tGapdh\t18\tfalse\n2\tu\tIl15\t28\ttrue\n\n[Other]\nx\n",
    ],
    "relative signals": ["Batch,Lane,Sample,Role,Analyte,Signal,Loading\n1,1,c,control,A,10,1\n1,2,s,sample,A,12,1\n"],
}  # fmt: skip


def _workbook(path: Path) -> bytes:
    book = openpyxl.Workbook()
    for row in (["title"], ["arm", "time (days)", "event"], ["v", 3, 1], ["w", 5, 0], ["w", 7.5, 1]):
        book.active.append(row)
    book.active.merge_cells("A1:C1")
    book.save(path)
    return path.read_bytes()


def _wave(path: Path) -> bytes:
    phases = ("basal", "Oligomycin", "FCCP", "Rotenone/Antimycin A")
    rates = np.abs(np.random.default_rng(1).normal(100, 10, (6, 8)))
    wells = tuple(f"A{n:02d}" for n in range(1, 7))
    minutes, phase = np.arange(8.0), np.repeat(np.arange(4), 2)
    write_wave(path, Traces(wells, ("a",) * 3 + ("b",) * 3, minutes, phase, phases, rates, rates), "fuzz")
    return path.read_bytes()


def _tube(path: Path) -> bytes:
    events = np.random.default_rng(1).normal(1e3, 300, (60, 3))
    spillover = (("PE-A", "APC-A"), np.array([[1.0, 0.1], [0.05, 1.0]]))
    write_fcs(path, FlowFile(events, ("FSC-A", "PE-A", "APC-A"), ("", "CD4", "CD8"), spillover))
    return path.read_bytes()


def _gates() -> bytes:
    axes = (Dimension("PE-A", "FCS", "l"), Dimension("APC-A", "FCS", "l"))
    gates = (
        RectangleGate("a", axes, (0.2, 0.2), (0.9, 0.9)),
        PolygonGate("b", axes, ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9)), "a"),
    )
    return encode(Strategy(gates, transforms={"l": Logicle(262144.0, 0.5, 4.5, 0.0)})).encode()


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return a file damaged once to four times: cut off, overwritten, inserted into, deleted from, partly doubled."""
    found = bytearray(content)
    for _ in range(chance.randrange(1, 5)):
        place = chance.randrange(len(found) + 1)
        kind = chance.randrange(6)
        if kind == 0 and chance.random() < 0.3:
            del found[place:]
        elif kind == 1 and found:
            found[chance.randrange(len(found))] = chance.randrange(256)
        elif kind in (2, 3):
            found[place:place] = chance.choice(INSERTED).encode()
        elif kind == 4:
            del found[place : place + chance.randrange(1, 40)]
        else:
            other = chance.randrange(len(found) + 1)
            found[place:place] = found[other : other + chance.randrange(1, 400)]
    return bytes(found)


def _analyze(path: Path, kind: str, content: bytes, chance: random.Random) -> None:
    path.write_bytes(content)
    # An option is refused on a file that it does not concern, so it is said only where it may.
    event = chance.choice([None, 1, 0, "Died"]) if kind in ("survival", "workbooks") else None
    analyze(path, event=event, calibrator=chance.choice(["", "u"]) if kind == "cycles" else "")


def readers(folder: Path) -> dict[str, tuple[list[bytes], Callable[[bytes, random.Random], None]]]:
    """Return for each reader whole files, and what reads one."""

    def file(name: str, kind: str = "") -> Callable[[bytes, random.Random], None]:
        return lambda content, chance: _analyze(folder / name, kind, content, chance)

    def gates(content: bytes, _: random.Random) -> None:
        decode(content.decode("utf-8", errors="replace")).apply(tube)

    def sheet(content: bytes, _: random.Random) -> None:
        (folder / "sheet.csv").write_bytes(content)
        read_sample_sheet(folder / "sheet.csv")

    tube_bytes = _tube(folder / "whole.fcs")
    tube = analyze(folder / "whole.fcs").flow
    assert tube is not None
    found = {kind: ([text.encode() for text in texts], file("a.csv", kind)) for kind, texts in TABLES.items()}
    return {
        **found,
        "workbooks": ([_workbook(folder / "whole.xlsx")], file("a.xlsx", "workbooks")),
        "wave": ([_wave(folder / "wave.xlsx")], file("w.xlsx")),
        "fcs": ([tube_bytes], file("a.fcs")),
        "gatingml": ([_gates()], gates),
        "sample sheet": ([b"file,mouse,group,day\nt1.fcs,m1,V,12\nt2,m2,S,12\n"], sheet),
    }


def runs(seconds: float, seed: int) -> Iterator[random.Random]:
    """Yield a generator a file, until so many seconds of CPU are over."""
    start, number = time.process_time(), 0
    while time.process_time() - start < seconds:
        yield random.Random(f"{seed} {number}")
        number += 1


def _out_of_time(*_: object) -> None:
    raise TimeoutError(f"more than {MOST_SECONDS} s")


def main() -> int:
    """Fuzz the readers that were named, all of them otherwise; return 1 if something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "reader", nargs="*", help="of: " + ", ".join([*TABLES, "workbooks, wave, fcs, gatingml, sample sheet"])
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of CPU for each reader")
    parser.add_argument("--seed", type=int, default=2018)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="folder of files that were found")
    given = parser.parse_args()
    signal.signal(signal.SIGVTALRM, _out_of_time)
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        every = readers(Path(folder))
        for name in given.reader or every:
            whole, read = every[name]
            outcomes = {"read": 0, "refused": 0, "found": 0}
            for chance in runs(given.seconds, given.seed):
                content = damaged(chance.choice(whole), chance)
                signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
                try:
                    read(content, chance)
                    outcomes["read"] += 1
                except GVLabError:
                    outcomes["refused"] += 1
                except Exception:
                    outcomes["found"] += 1
                    given.keep.mkdir(exist_ok=True)
                    kept = given.keep / f"{name.replace(' ', '_')}_{outcomes['found']}"
                    kept.write_bytes(content)
                    print(f"{name}: {kept}\n{traceback.format_exc(limit=-3)}")
                finally:
                    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                if outcomes["found"] >= 5:
                    break
            memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            faults += outcomes["found"] + (memory > MOST_BYTES)
            shown = ", ".join(f"{count} {what}" for what, count in outcomes.items())
            print(f"{name}: {shown}; at most {memory / 1e6:.0f} MB", flush=True)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
