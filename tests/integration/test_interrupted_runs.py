"""Ctrl-C, a killed process and a full disk lose nothing that was finished, and leave nothing half."""

from __future__ import annotations

import errno
import os
import resource
import signal
import time

import pytest

from conftest import finish, start, whole_tables

PER_EXPERIMENT = ("events.parquet", "finals.parquet", "firings.parquet", "subjects.parquet", "trajectories.parquet")


def wait_for(what, process, seconds=120):
    """Wait until something is there while a process runs, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        found = what()
        if found:
            return found
        time.sleep(0.0005)
    process.kill()
    raise AssertionError(f"It did not come: {finish(process).complained}")


def finished(folder):
    """Give the folders of experiments that were written to the last file."""
    return [path.parent for path in folder.rglob("run.json")]


@pytest.mark.parametrize("engine", ["ensemble", "roadrunner"])
def test_ctrl_c_keeps_the_experiments_that_are_finished(tmp_path, engine):
    (tmp_path / "mine.json").write_text('{"an earlier": "result"}')
    process = start(
        "run", "mathew2018", "--subjects", "30" if engine == "ensemble" else "2", "--out", "mine", "--json",
        "mine.json", "--engine", engine, cwd=tmp_path,
    )  # fmt: skip
    wait_for(lambda: finished(tmp_path / "mine"), process)
    process.send_signal(signal.SIGINT)
    said = finish(process, timeout=30)
    assert said.code == 130, said.complained
    assert "Stopped. What had been written is whole and stays." in said.complained
    assert "Traceback" not in said.complained
    tables = whole_tables(tmp_path / "mine")
    for folder in finished(tmp_path / "mine"):
        assert set(PER_EXPERIMENT) <= {path.name for path in tables if path.parent == folder}
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()], "a temporary file was left"
    assert (tmp_path / "mine.json").read_text(encoding="utf-8") == '{"an earlier": "result"}'
    assert not (tmp_path / "mine" / "report.html").exists()


@pytest.mark.parametrize("nth", [1, 3])
def test_a_killed_process_leaves_no_half_file_under_a_final_name(tmp_path, nth):
    process = start("run", "mathew2018", "--subjects", "30", "--out", "mine", cwd=tmp_path)
    seen = set()

    def being_written():
        seen.update(path.name for path in (tmp_path / "mine").rglob(".*.parquet"))
        return len(seen) >= nth

    wait_for(being_written, process)
    process.kill()
    assert finish(process).code == -signal.SIGKILL
    tables = whole_tables(tmp_path / "mine")
    assert len(tables) >= nth - 1
    for folder in finished(tmp_path / "mine"):
        assert set(PER_EXPERIMENT) <= {path.name for path in tables if path.parent == folder}


def test_a_file_that_may_not_grow_is_a_sentence_and_no_half_file(command, tmp_path):
    """The nearest to a full disk that a process can do to itself: no file may be larger than 20 kB."""
    most = 20_000
    limits = (most, most)
    said = command(
        "run", "mathew2018_syngeneic", "--subjects", "20", "--out", "mine",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits),
    )  # fmt: skip
    assert said.code == 1, said.complained
    assert "trajectories.parquet" in said.complained
    assert "cannot be written" in said.complained
    assert "Traceback" not in said.complained
    assert whole_tables(tmp_path / "mine") == []
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


@pytest.mark.parametrize("full_from", [1, 3, 6])
def test_a_full_disk_keeps_what_was_complete(gvlab, monkeypatch, tmp_path, full_from):
    flushed = []
    fsync = os.fsync

    def full(descriptor):
        flushed.append(descriptor)
        if len(flushed) >= full_from:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    said = gvlab("run", "mathew2018_syngeneic", "--subjects", "6", "--out", str(tmp_path / "mine"))
    assert said.code == 1
    assert "the disk is full. What was there before is unchanged" in said.complained
    written = [path for path in (tmp_path / "mine").rglob("*") if path.is_file()]
    assert len(written) == full_from - 1
    assert not [path for path in written if path.name.startswith(".")]
    assert len(whole_tables(tmp_path / "mine")) == min(full_from - 1, len(PER_EXPERIMENT))


def test_ctrl_c_while_a_table_is_written_leaves_no_half_file(gvlab, monkeypatch, tmp_path):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    said = gvlab("run", "mathew2018_syngeneic", "--subjects", "6", "--out", str(tmp_path / "mine"))
    assert said.code == 130
    assert not [path for path in (tmp_path / "mine").rglob("*") if path.is_file()]


def test_a_second_run_into_the_folder_of_a_run_that_goes_on_is_refused_and_after_a_kill_it_is_not(command, tmp_path):
    first = start("run", "mathew2018", "--subjects", "30", "--out", "mine", cwd=tmp_path)
    wait_for(lambda: (tmp_path / "mine").is_dir(), first)
    time.sleep(0.1)
    said = command("run", "mathew2018_syngeneic", "--subjects", "4", "--out", "mine")
    assert said.code == 1, said.complained
    assert 'Another run writes into the folder "mine"' in said.complained
    first.kill()
    finish(first)
    for path in sorted((tmp_path / "mine").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    said = command("run", "mathew2018_syngeneic", "--subjects", "4", "--out", "mine")
    assert said.code == 0, said.complained
    assert (tmp_path / "mine" / "report.html").is_file()
