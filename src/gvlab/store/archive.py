"""An archive of a run, ``.gvlab.zip``: the experiment, its results, figures, what made them, and how to cite it.

The same run gives the same bytes: files stand in a fixed order, and none has a date.
"""

from __future__ import annotations

import io
import json
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gvlab.bibliography import format_bibliography
from gvlab.errors import GVLabWarning, InvalidValueError, LibraryError
from gvlab.experiment import Results
from gvlab.experiment.text import ExperimentFile
from gvlab.files import write_bytes
from gvlab.library import Library
from gvlab.provenance import sha256, versions
from gvlab.store.objects import content_of

SUFFIX = ".gvlab.zip"
RESULTS, FIGURES = "results/", "figures/"
CONTENTS, STATE = "contents.json", "state.json"
MAX_BYTES = 300_000_000
"""Of an archive that is unpacked; a bomb of zeros is not."""

MAX_FILES = 200
_DATE = (1980, 1, 1, 0, 0, 0)

_ABOUT = """{title}

Simulated by GVLab {version}. {context}

experiment.yaml        what was done; `gvlab run experiment.yaml` runs it
results/               courses, subjects, events of every arm, as Parquet; results/manifest.json says what made them
figures/               pictures as SVG
data_dictionary.csv    what each column of the results is, with its unit
sources.txt            the sources of the numbers that were used
CITATION.cff           how to cite GVLab and the paper
contents.json          the SHA-256 of every file

`gvlab open FILE` shows it, `gvlab run FILE --verify` computes it again and compares.
"""


@dataclass(frozen=True)
class Archive:
    """What an archive holds.

    Attributes
    ----------
    experiment
        The experiment, and how it was run.
    results
        What came of it.
    state
        What of it was looked at; empty where it was not made on a page.
    sha256
        Of each file of the results, by name.
    differs
        What differs between what it was made with and what is here, in words.
    """

    experiment: ExperimentFile
    results: Results
    state: Mapping[str, Any]
    sha256: Mapping[str, str]
    differs: tuple[str, ...] = ()


def archive_bytes(
    results: Results,
    *,
    context: str,
    figures: Mapping[str, bytes] | None = None,
    state: Mapping[str, Any] | None = None,
    subjects: int | None = None,
    days: tuple[float, ...] = (),
) -> bytes:
    """Return the archive of a run.

    Parameters
    ----------
    results
        What came of it.
    context
        What it is for, and what it is not.
    figures
        Pictures, by name.
    state
        What of it was looked at.
    subjects, days
        As it was run; see `Experiment.run`.

    Returns
    -------
    The file. The same run gives the same bytes.
    """
    experiment = results.experiment
    file = ExperimentFile(experiment, results.seed, subjects, days)
    parts: dict[str, bytes] = {
        "README.txt": _ABOUT.format(
            title=experiment.title, version=versions().get("gvlab", ""), context=context
        ).encode(),
        "experiment.yaml": file.to_yaml().encode(),
        "data_dictionary.csv": _dictionary(results).encode(),
        "sources.txt": (format_bibliography(results.sources()) + "\n").encode(),
        "CITATION.cff": _citation(results).encode(),
    }
    parts |= {RESULTS + name: content_of(write, name) for name, write in results.files().items()}
    parts |= {FIGURES + name: content for name, content in (figures or {}).items()}
    if state:
        parts[STATE] = json.dumps(state, ensure_ascii=False, indent=1).encode()
    contents = {name: sha256(content) for name, content in sorted(parts.items())}
    parts[CONTENTS] = json.dumps(contents, indent=1).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for name in sorted(parts):
            about = zipfile.ZipInfo(name, _DATE)
            about.compress_type, about.external_attr, about.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            packed.writestr(about, parts[name])
    return buffer.getvalue()


def write_archive(path: Path | str, content: bytes) -> None:
    """Write an archive whole or not at all.

    Raises
    ------
    InvalidValueError
        If the name does not end in .gvlab.zip.
    OutputError
        If it cannot be written.
    """
    if not str(path).endswith(SUFFIX):
        raise InvalidValueError(f'"{path}" does not end in {SUFFIX}; write such as "run{SUFFIX}".')
    write_bytes(path, content)


def read_archive(path: Path | str, library: Library | None = None) -> Archive:
    """Return what an archive holds.

    Raises
    ------
    LibraryError
        If it is no archive of ours, a file is missing, or one was changed since it was made.
    """
    parts = _unpacked(Path(path))
    with tempfile.TemporaryDirectory(prefix="gvlab-") as folder, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", GVLabWarning)
        for name, content in parts.items():
            if name.startswith(RESULTS):
                (Path(folder) / name.removeprefix(RESULTS)).write_bytes(content)
        results = Results.read(folder, library)
        text = parts["experiment.yaml"].decode("utf-8")
        file = ExperimentFile.parse(text, library=library, name=f"experiment.yaml of {path}")
    differs = tuple(dict.fromkeys(str(each.message) for each in said if issubclass(each.category, GVLabWarning)))
    made = {name.removeprefix(RESULTS): sha256(content) for name, content in parts.items() if name.startswith(RESULTS)}
    state = json.loads(parts[STATE]) if STATE in parts else {}
    return Archive(file, results, state, made, differs)


def verify(archive: Archive) -> tuple[str, ...]:
    """Compute an archive again; return what is not the same to the bit, in words, and nothing where all is the same."""
    again = archive.experiment.experiment.run(
        archive.results.seed, subjects=archive.experiment.subjects, days=archive.experiment.days
    )
    found = list(archive.differs)
    for name, write in again.files().items():
        # The manifest names versions and machine, which may differ while every number is the same.
        if name == "manifest.json" or archive.sha256.get(name) == sha256(content_of(write, name)):
            continue
        found.append(f"{name} is not the same.{_how_far(archive.results, again) if 'trajectories' in name else ''}")
    return tuple(found)


def _how_far(then: Results, now: Results) -> str:
    import numpy as np

    worst = 0.0
    for arm, run in then.runs.items():
        for output in run.outputs:
            if arm not in now.runs or now.runs[arm].values(output).shape != run.values(output).shape:
                return f' Arm "{arm}" has other subjects or days.'
            a, b = run.values(output), now.runs[arm].values(output)
            scale = np.maximum(np.nanmax(np.abs(a), initial=0.0), 1e-300)
            worst = max(worst, float(np.nanmax(np.abs(a - b) / scale, initial=0.0)))
    return f" The largest difference is {worst:.2g} of the largest value of its reading."


def _unpacked(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
            if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise LibraryError(
                    f'"{path}" holds more than {MAX_FILES} files or {MAX_BYTES:,} bytes; it is none of ours.'
                )
            parts = {}
            for entry in entries:
                plain = entry.filename.removeprefix(RESULTS).removeprefix(FIGURES)
                if "/" in plain or "\\" in plain or plain in ("", ".", "..") or ":" in plain:
                    raise LibraryError(
                        f'"{path}" holds "{entry.filename[:80]}", which is no file of an archive of ours.'
                    )
                with packed.open(entry) as file:
                    # What an entry says of its size is not believed.
                    parts[entry.filename] = file.read(entry.file_size + 1)
                if len(parts[entry.filename]) != entry.file_size:
                    raise LibraryError(f'"{entry.filename[:80]}" of "{path}" is not as long as it says.')
    except FileNotFoundError as error:
        raise LibraryError(f'There is no file "{path}".') from error
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise LibraryError(f'"{path}" is not an archive that gvlab wrote: {error}.') from error
    try:
        contents = json.loads(parts[CONTENTS])
        missing = [name for name in (*contents, "experiment.yaml") if name not in parts]
    except (KeyError, ValueError, TypeError) as error:
        raise LibraryError(f'"{path}" is not an archive that gvlab wrote: it has no {CONTENTS}.') from error
    if missing:
        raise LibraryError(f'"{path}" lacks "{missing[0]}". Get it anew.')
    for name, content in parts.items():
        if name != CONTENTS and contents.get(name) != sha256(content):
            raise LibraryError(f'"{name}" of "{path}" was changed since it was made. Get it anew.')
    return parts


def _dictionary(results: Results) -> str:
    """Return what each column of the results is, with its unit, as CSV."""
    from gvlab.assay.readers.tables import write_csv

    about: dict[str, tuple[str, str]] = {
        "arm": ("name of the arm", ""),
        "row": ("place of the subject in its arm, from 0", ""),
        "subject": ("number of the virtual subject; the same in every arm of a paired run", ""),
        "time": ("since time zero", "day"),
        "end_time": ("until when the subject was followed", "day"),
        "status": ("how the solver ended; 0 and 1 are good", ""),
        "event": ("what happened", ""),
    }
    for run in results.runs.values():
        for name, described in run.about.items():
            about[name] = (str(described.get("title", name)), str(described.get("unit", "")))
    with tempfile.TemporaryDirectory(prefix="gvlab-") as folder:
        path = Path(folder) / "dictionary.csv"
        write_csv(
            path, ["column", "what it is", "unit"], [(name, *words) for name, words in about.items()], ("simulated",)
        )
        return path.read_text(encoding="utf-8")


def _citation(results: Results) -> str:
    """Return how to cite GVLab and the paper that the experiment is of, as CITATION.cff."""
    library, name = results.experiment.library, results.experiment.name
    studies = [each for each in library.read_all("studies").values() if name in each.experiments]
    sources = library.sources(key for study in studies for key in study.source_keys)
    lines = [
        "cff-version: 1.2.0",
        "message: If you use GVLab, please cite it and the paper whose system it executes.",
        "type: software",
        'title: "GVLab: an in-silico laboratory of graft-versus-leukemia"',
        f"version: {versions().get('gvlab', '')}",
        "license: BSD-3-Clause",
        "authors:",
        "  - name: The GVLab developers",
    ]
    if sources:
        lines.append("references:")
    for source in sources:
        lines += ["  - type: article", f"    title: {json.dumps(source['title'], ensure_ascii=False)}", "    authors:"]
        lines += [f"      - family-names: {json.dumps(author, ensure_ascii=False)}" for author in source.authors]
        lines += [
            f"    {key}: {json.dumps(source[key], ensure_ascii=False)}"
            for key in ("journal", "year", "doi")
            if source[key]
        ]
    return "\n".join(lines) + "\n"
