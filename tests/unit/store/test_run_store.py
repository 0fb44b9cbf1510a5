"""Runs that are kept: notes, undo, two processes, an older database, and a process that is killed."""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile

import numpy as np
import pytest

from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.store.archive import archive_bytes, read_archive, verify, write_archive
from gvlab.store.database import FILE, VERSION, prepare
from gvlab.store.differences import differences
from gvlab.store.run_store import RunStore


@pytest.fixture(scope="module")
def results():
    return Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b").run(3, subjects=4)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path, clock=lambda: 1_800_000_000.0)


STATE = {"experiment": {"title": "a"}, "look": {}}


def test_a_run_is_kept_once_and_comes_back_to_the_bit(store, results):
    kept = store.keep(results, STATE, {"BM": {"alive": 0}})
    assert store.keep(results, STATE, {}) == kept
    assert [run.id for run in store.runs()] == [kept.id]
    back = store.results(kept.id)
    for arm, run in results.runs.items():
        for output in run.outputs:
            assert np.array_equal(back.runs[arm].values(output), run.values(output), equal_nan=True)


def test_notes_and_removals_are_undone_one_after_the_other(store, results):
    kept = store.keep(results, STATE, {})
    store.note(kept.id, "first")
    store.note(kept.id, "second")
    store.remove(kept.id)
    assert store.runs() == ()
    with pytest.raises(UnknownNameError):
        store.get(kept.id)
    assert "back" in store.undo()
    assert store.get(kept.id).note == "second"
    assert store.undo()
    assert store.get(kept.id).note == "first"
    assert store.undo()
    assert store.get(kept.id).note == ""
    assert store.undo() == ""
    with pytest.raises(InvalidValueError, match="at most 4,000"):
        store.note(kept.id, "x" * 5000)


def test_a_file_that_was_changed_is_noticed(store, results, tmp_path):
    kept = store.keep(results, STATE, {})
    victim = max(
        (path for path in (tmp_path / "objects").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    victim.write_bytes(b"\0" + victim.read_bytes()[1:])
    with pytest.raises(LibraryError, match="was changed since it was kept"):
        store.files(kept.id)


def test_two_tabs_and_two_stores_keep_at_once(tmp_path, results):
    stores = [RunStore(tmp_path) for _ in range(2)]

    def keep(store, start):
        for number in range(start, start + 5):
            store.keep(results, {"n": number}, {})

    threads = [threading.Thread(target=keep, args=(store, 5 * place)) for place, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run.state["n"] for run in stores[0].runs()) == list(range(10))


OLD = """
CREATE TABLE runs (id TEXT PRIMARY KEY, created REAL NOT NULL, title TEXT NOT NULL, state TEXT NOT NULL,
    numbers TEXT NOT NULL, model TEXT NOT NULL) STRICT;
CREATE TABLE files (run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, PRIMARY KEY (run, name)) STRICT;
INSERT INTO runs VALUES ('a', 1.0, 'old', '{}', '{}', 'm');
PRAGMA user_version = 1;
"""


def test_an_older_database_is_brought_here_after_a_copy_was_made(tmp_path):
    base = sqlite3.connect(tmp_path / FILE)
    base.executescript(OLD)
    base.close()
    store = RunStore(tmp_path)
    assert [(run.title, run.note) for run in store.runs()] == [("old", "")]
    store.note("a", "kept")
    (copy,) = tmp_path.glob("runs-version-1-*.sqlite")
    base = sqlite3.connect(copy)
    assert base.execute("PRAGMA user_version").fetchone() == (1,)
    assert base.execute("SELECT title FROM runs").fetchall() == [("old",)]
    base.close()
    # The tables are those of a new database.
    prepare(tmp_path / "new")
    columns = []
    for file in (tmp_path / FILE, tmp_path / "new" / FILE):
        base = sqlite3.connect(file)
        columns.append(
            {table: {row[1] for row in base.execute(f"PRAGMA table_info({table})")} for table in ("runs", "changes")}
        )
        base.close()
    assert columns[0] == columns[1]


def test_a_later_database_and_another_file_are_refused(tmp_path):
    base = sqlite3.connect(tmp_path / FILE)
    base.execute(f"PRAGMA user_version = {VERSION + 1}")
    base.close()
    with pytest.raises(LibraryError, match="Install a newer one"):
        RunStore(tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / FILE).write_text("this is no database, and it is long enough to be seen as one" * 20)
    with pytest.raises(LibraryError, match="damaged or no catalogue"):
        RunStore(tmp_path / "b")


def test_settings_that_differ_are_named():
    one = {"seed": 1, "arms": [{"name": "A", "doses": [{"agent": "x", "amount": "1 mg"}]}, {"name": "B"}]}
    other = {
        "seed": 2,
        "arms": [{"name": "N"}, {"name": "A", "doses": [{"agent": "x", "amount": "2 mg"}]}, {"name": "B"}],
    }
    assert differences(one, other) == (
        ("seed", "1", "2"),
        ("arms A, doses x, amount", "1 mg", "2 mg"),
        ("arms N, name", "–", "N"),
    )
    assert differences(one, one) == ()


KEEPER = """
import sys
from pathlib import Path
from gvlab.store.database import transaction
from gvlab.store.run_store import RunStore
import gvlab.store.run_store as module
store = RunStore(Path(sys.argv[1]))
class Model: sha256 = "m"
class Experiment: title = "t"; model = Model()
class Results:
    experiment = Experiment()
    def __init__(self, n): self.n = n
    def files(self):
        return {f"part-{k}": (lambda path, k=k: path.write_bytes(f"{self.n} {k} ".encode() * 40_000)) for k in range(3)}
n = int(sys.argv[2])
while True:
    kept = store.keep(Results(n), {"n": n}, {})
    print(kept.id, n, flush=True)
    n += 1
"""


def killed_again_and_again(folder, times):
    """Kill a process that keeps runs, at another moment each time; return the ids it said were kept."""
    said, n = [], 0
    for number in range(times):
        process = subprocess.Popen(
            [sys.executable, "-c", KEEPER, str(folder), str(n)], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        said.append(process.stdout.readline().split())
        time.sleep((number * 7919 % 97) / 1500)
        process.send_signal(signal.SIGKILL)
        said += [line.split() for line in process.stdout if line.endswith("\n")]
        process.wait()
        process.stdout.close()
        n = max(int(number) for _, number in said) + 1
    return [name for name, _ in said]


@pytest.mark.parametrize("times", [3, pytest.param(300, marks=pytest.mark.nightly)])
def test_a_process_that_is_killed_loses_and_tears_nothing(tmp_path, times):
    said = killed_again_and_again(tmp_path, times)
    base = sqlite3.connect(tmp_path / FILE)
    assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows = base.execute("SELECT id, (SELECT COUNT(*) FROM files WHERE run = runs.id) FROM runs").fetchall()
    files = base.execute("SELECT sha256, bytes FROM files").fetchall()
    base.close()
    assert set(said) <= {name for name, _ in rows}
    assert {count for _, count in rows} == {3}
    for name, size in files:
        content = (tmp_path / "objects" / name[:2] / name[2:]).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (name, size)
    # And the next process goes on as if nothing had been.
    assert len(RunStore(tmp_path).runs()) == min(len(rows), 500)


def test_an_archive_is_the_same_bytes_reads_back_and_verifies(tmp_path, results):
    experiment = results.experiment
    one, other = (archive_bytes(experiment.run(3, subjects=4), context="for plans", subjects=4) for _ in range(2))
    assert one == other
    path = tmp_path / "a.gvlab.zip"
    write_archive(path, one)
    archive = read_archive(path)
    assert archive.experiment.experiment == experiment
    assert verify(archive) == ()
    moved = archive_bytes(experiment.run(4, subjects=4), context="x", subjects=4)
    write_archive(path, moved)
    said = verify(read_archive(path).__class__(**{**vars(read_archive(path)), "results": archive.results}))
    assert "trajectories.parquet is not the same" in " ".join(said)
    with pytest.raises(InvalidValueError, match="does not end in"):
        write_archive(tmp_path / "a.zip", one)


@pytest.mark.parametrize("evil", ["../evil", "results/../../evil", "/etc/evil", "C:\\evil", "a/b/c"])
def test_an_archive_writes_nowhere_else(tmp_path, evil):
    path = tmp_path / "a.gvlab.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(evil, "x")
    with pytest.raises(LibraryError, match="no file of an archive of ours"):
        read_archive(path)


def test_a_file_of_an_archive_that_was_changed_is_named(tmp_path, results):
    path = tmp_path / "a.gvlab.zip"
    write_archive(path, archive_bytes(results, context="x", subjects=4))
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    parts["experiment.yaml"] += b"\n"
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    with pytest.raises(LibraryError, match=r'"experiment.yaml" of .* was changed'):
        read_archive(path)
    path.write_bytes(b"PK not a zip")
    with pytest.raises(LibraryError, match="not an archive"):
        read_archive(path)
