"""Atomic writing and its sentences."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from visualizer.base import files
from visualizer.base.errors import UserError
from visualizer.base.files import write_atomically


def test_a_file_is_written_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_atomically(path, b"first")
    write_atomically(path, b"second" * 1000)
    assert path.read_bytes() == b"second" * 1000
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_new_file_has_the_permissions_of_a_created_one_and_a_replaced_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_atomically(tmp_path / "new", b"x")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "new").chmod(0o640)
    write_atomically(tmp_path / "new", b"y")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UserError, match=r"the disk is full\.$"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_paths_that_cannot_be_written_say_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cases = {
        tmp_path: "is a folder", tmp_path / "no" / "a": "does not exist", tmp_path / "file" / "a": "not a folder",
        tmp_path / ("n" * 300): "name is too long", Path("a\x00b"): "not a file name",
    }
    for path, reason in cases.items():
        with pytest.raises(UserError, match=reason) as caught:
            write_atomically(path, b"x")
        assert caught.value.sentence.endswith(".")
        assert "Traceback" not in caught.value.sentence


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="no permission"):
        write_atomically(tmp_path / "a", b"x")
    tmp_path.chmod(0o700)


def test_a_denied_write_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*args: object, **rest: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.tempfile, "mkstemp", denied)
    with pytest.raises(UserError, match=r"no permission to write there\.$"):
        write_atomically(tmp_path / "a", b"x")


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
