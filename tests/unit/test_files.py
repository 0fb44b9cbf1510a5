import errno
import io
import os
from pathlib import Path

import pytest

from gvlab import files
from gvlab.errors import OutputError
from gvlab.files import atomic_file, write_text


def test_a_file_is_written_whole(tmp_path):
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def interrupted() -> None:
        with atomic_file(target) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_is_named_and_the_old_file_stays(tmp_path, monkeypatch):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"the disk is full\. What was there before is unchanged"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_really_full_device_raises_what_we_translate():
    with pytest.raises(OSError, match="No space left") as caught, io.open("/dev/full", "wb") as file:  # noqa: UP020
        file.write(b"x" * 100_000)
    assert caught.value.errno == errno.ENOSPC


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        write_text(tmp_path / "nowhere" / "a.txt", "x")


def test_a_folder_that_may_not_be_written_is_named(tmp_path, monkeypatch):
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.tempfile, "mkstemp", forbidden)
    with pytest.raises(OutputError, match="no permission to write"):
        write_text(tmp_path / "a.txt", "x")


def test_an_output_folder_is_made_or_taken_when_empty(tmp_path):
    assert files.prepare_output_folder(tmp_path / "new" / "deep").is_dir()
    assert files.prepare_output_folder(tmp_path / "new" / "deep").is_dir()


def test_an_output_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("precious")
    with pytest.raises(OutputError, match="is not empty, and nothing in it is overwritten"):
        files.prepare_output_folder(tmp_path)
    assert (tmp_path / "a.txt").read_text() == "precious"


def test_an_output_folder_cannot_be_a_file_or_lie_in_one(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(OutputError, match="is a file; results need a folder"):
        files.prepare_output_folder(tmp_path / "a.txt")
    with pytest.raises(OutputError, match="a part of that path is a file"):
        files.prepare_output_folder(tmp_path / "a.txt" / "out")
