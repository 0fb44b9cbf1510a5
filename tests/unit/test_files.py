import contextlib
import errno
import io
import os
import stat
import threading
from pathlib import Path

import pytest

from gvlab import files
from gvlab.errors import OutputError
from gvlab.files import atomic_file, write_new_text, write_text


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

    monkeypatch.setattr(files.os, "open", forbidden)
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_device_is_written_to_and_never_replaced(tmp_path):
    """With a device of the same kind that is made here, a fault would not cost the machine its own."""
    device = tmp_path / "full"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        device.open("wb").close()
    except OSError:
        pytest.skip("only root makes devices, and not everywhere")
    files.prepare_output_file(device)
    with pytest.raises(OutputError, match="the disk is full"):
        write_text(device, "x")
    assert stat.S_ISCHR(device.stat().st_mode)
    assert [item.name for item in tmp_path.iterdir()] == ["full"]
    with pytest.raises(OutputError, match="is a device or a pipe; results need a folder"):
        files.prepare_output_folder(device)


def test_what_is_written_to_the_null_device_is_gone_and_the_device_stays():
    write_text("/dev/null", "x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_pipe_hands_on_what_is_written_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match=r"nobody reads from\. Start its reader first"):
        write_text(pipe, "lost")
    handle = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    read = []
    reader = threading.Thread(target=lambda: read.append(_all(handle)))
    write_text(pipe, "kept\n" * 10)
    reader.start()
    reader.join()
    assert read == [b"kept\n" * 10]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def _all(handle):
    with os.fdopen(handle, "rb") as file:
        return file.read()


def test_a_link_stays_a_link_and_what_it_leads_to_is_written(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.txt").write_text("old")
    (tmp_path / "store" / "a.txt").chmod(0o640)
    link = tmp_path / "link.txt"
    link.symlink_to("store/a.txt")
    write_text(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "store" / "a.txt").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "store" / "a.txt").stat().st_mode) == 0o640
    new = tmp_path / "new.txt"
    new.symlink_to("store/b.txt")
    write_text(new, "b")
    assert (tmp_path / "store" / "b.txt").read_text() == "b"
    circle = tmp_path / "circle"
    circle.symlink_to("circle")
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(circle, "x")
    assert circle.is_symlink()


def test_a_new_file_has_the_permissions_of_any_new_file_and_the_umask_is_left_alone(tmp_path, monkeypatch):
    def touched(_: int) -> int:
        raise AssertionError("a thread would make its files with it meanwhile")

    (tmp_path / "plain").write_text("")
    monkeypatch.setattr(os, "umask", touched)
    write_text(tmp_path / "a.txt", "x")
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.skipif(files.fcntl is None, reason="no locks of folders here")
def test_a_folder_is_for_one_run_and_free_again_after_it(tmp_path):
    with files.claimed_folder(tmp_path / "mine") as folder:
        (folder / "first.txt").write_text("x")
        second = files.claimed_folder(tmp_path / "mine")
        with pytest.raises(OutputError, match=r'Another run writes into the folder .*mine"\. Give the name of another'):
            second.__enter__()
        assert [item.name for item in folder.iterdir()] == ["first.txt"]
        (folder / "first.txt").unlink()
    with files.claimed_folder(tmp_path / "mine"):
        pass


def test_where_folders_cannot_be_locked_they_are_taken_all_the_same(tmp_path, monkeypatch):
    if files.fcntl is not None:

        def impossible(*_: object) -> None:
            raise OSError(errno.EBADF, "Bad file descriptor")

        monkeypatch.setattr(files.fcntl, "flock", impossible)
    with contextlib.ExitStack() as both:
        both.enter_context(files.claimed_folder(tmp_path / "mine"))
        both.enter_context(files.claimed_folder(tmp_path / "mine"))


def test_a_new_file_is_whole_and_one_that_is_there_stays(tmp_path):
    write_new_text(tmp_path / "a.txt", "mine")
    with pytest.raises(OutputError, match="never written over"):
        write_new_text(tmp_path / "a.txt", "other")
    (tmp_path / "b.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match="never written over"):
        write_new_text(tmp_path / "b.txt", "other")
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.txt", "b.txt"]


def test_of_two_that_write_the_same_new_file_at_once_one_is_refused(tmp_path, monkeypatch):
    link = os.link

    def late(source, target):
        Path(target).write_text("the other was faster")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(OutputError, match="never written over"):
        write_new_text(tmp_path / "a.txt", "mine")
    assert [(item.name, item.read_text()) for item in tmp_path.iterdir()] == [("a.txt", "the other was faster")]


def test_a_new_file_is_written_where_there_are_no_hard_links(tmp_path, monkeypatch):
    def none(source, target):
        raise OSError(errno.EOPNOTSUPP, "no hard links here")

    monkeypatch.setattr(os, "link", none)
    write_new_text(tmp_path / "a.txt", "mine")
    with pytest.raises(OutputError, match="never written over"):
        write_new_text(tmp_path / "a.txt", "other")
    assert [(item.name, item.read_text()) for item in tmp_path.iterdir()] == [("a.txt", "mine")]


def test_a_new_file_on_a_full_disk_is_not_left_in_part(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        write_new_text(tmp_path / "a.txt", "mine")
    assert not list(tmp_path.iterdir())
