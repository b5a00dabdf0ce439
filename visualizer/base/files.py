"""Writing files so that a reader never sees half of one, with sentences for what can go wrong."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from visualizer.base.errors import UserError


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file completely or not at all: into a temporary file beside it, which then takes its place.

    A symbolic link is followed, so that the file it names is replaced and not the link. An existing file's
    permissions are kept.

    Raises:
        UserError: the folder does not exist or is not writable, the path is a folder, the disk is full, ...
    """
    path = Path(path)
    try:
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise UserError(f"{path} is a folder; give the name of a file in it.")
        if target.exists() and not target.is_file():
            raise UserError(f"{path} is a device or a pipe, not a file; replacing it would destroy it.")
        folder = target.parent
        if not folder.exists():
            raise UserError(f"{path} cannot be written: the folder {folder} does not exist.")
        if not folder.is_dir():
            raise UserError(f"{path} cannot be written: {folder} is not a folder.")
        if target.exists() and not os.access(target, os.W_OK):
            # Replacing needs only the folder's permission; a file marked read-only is meant to stay.
            raise UserError(f"{path} cannot be written: the file is read-only.")
        _replace(target, data)
    except OSError as error:
        raise UserError(_sentence(path, error), str(error)) from error
    except ValueError as error:
        raise UserError(f"{str(path)!r} is not a file name.", str(error)) from error


def _replace(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(_mode(target))
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, or what a newly created file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sentence(path: Path, error: OSError) -> str:
    reasons = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EACCES: "there is no permission to write there",
        errno.EPERM: "there is no permission to write there",
        errno.EROFS: "the disk is read-only",
        errno.ENAMETOOLONG: "the name is too long",
        errno.ENOENT: "the folder does not exist",
        errno.ENOTDIR: "a part of the path is not a folder",
        errno.EISDIR: "it is a folder",
        errno.ELOOP: "the symbolic links lead in a circle",
    }
    reason = reasons.get(error.errno or 0, (error.strerror or type(error).__name__).lower())
    return f"{path} cannot be written: {reason}."
