"""The cache on disk: whole or not at all, and never from a folder of somebody else."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from gvlab import disk_cache
from gvlab.errors import CacheWarning


@pytest.fixture
def home(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("GVLAB_CACHE", str(tmp_path))
    return tmp_path / "engine"


def test_what_was_stored_is_read(home):
    assert disk_cache.read("a") is None
    assert not disk_cache.has("a")
    disk_cache.write("a", b"content")
    assert disk_cache.read("a") == b"content"
    assert disk_cache.has("a")
    assert [path.name for path in home.iterdir()] == ["a"]


@pytest.mark.parametrize("damaged", [b"", b"content", b"0" * 40])
def test_what_was_damaged_is_as_if_it_had_never_been_stored(home, damaged):
    disk_cache.write("a", b"content")
    (home / "a").write_bytes(damaged)
    assert disk_cache.read("a") is None


def test_the_environment_decides_where_and_else_the_operating_system(monkeypatch, tmp_path):
    monkeypatch.setenv("GVLAB_CACHE", str(tmp_path))
    assert disk_cache.folder() == tmp_path / "engine"
    monkeypatch.delenv("GVLAB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    assert "gvlab" in disk_cache.folder().parts


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners of files here")
def test_a_folder_of_somebody_else_is_not_used_and_that_is_said_once(home, monkeypatch):
    disk_cache.write("a", b"content")
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.warns(CacheWarning, match=rf"belongs to another user \(number {owner}; .*Set GVLAB_CACHE to a folder"):
        assert disk_cache.read("a") is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not disk_cache.has("a")
        disk_cache.write("a", b"other")
    monkeypatch.undo()
    monkeypatch.setenv("GVLAB_CACHE", str(home.parent))
    assert disk_cache.read("a") == b"content"


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GVLAB_CACHE", str(tmp_path / "file"))
    disk_cache.write("a", b"content")
    assert disk_cache.read("a") is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners of files here")
@pytest.mark.parametrize(
    ("mine", "above", "said"),
    [
        (0o770, 0o700, r'may be written by other users, .*Remove it with rm -r ".*", since others may have put'),
        (0o702, 0o700, "may be written by other users"),
        (0o700, 0o777, r"every user may write, .*Forbid that with chmod o-w"),
    ],
)
def test_a_folder_that_others_may_write_is_not_used(home, mine, above, said):
    disk_cache.write("a", b"content")
    home.chmod(mine)
    home.parent.chmod(above)
    with pytest.warns(CacheWarning, match=said):
        assert disk_cache.read("a") is None
    assert not disk_cache.has("a")
    home.chmod(0o700)
    home.parent.chmod(0o1777)  # as /tmp: nobody removes what is another's
    assert disk_cache.read("a") == b"content"
