"""Reading below a folder without following symbolic links, and writing files of our own."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from covey.core.errors import CoveyError, RunError, StoreFull
from covey.workspace.paths import show


def open_folder(root: Path | int, path: PurePosixPath | None = None) -> int:
    """Open a folder below ``root``, one name at a time, following no link below ``root``; the caller closes it.

    Raises OSError (ELOOP or ENOTDIR for a link on the way).
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    handle = os.dup(root) if isinstance(root, int) else os.open(root, flags)
    for part in path.parts if path else ():
        try:
            below = os.open(part, flags | os.O_NOFOLLOW, dir_fd=handle)
        finally:
            os.close(handle)
        handle = below
    return handle


@contextmanager
def folder(root: Path | int, path: PurePosixPath | None = None) -> Iterator[int]:
    """Hold a folder below ``root`` open, see :func:`open_folder`."""
    handle = open_folder(root, path)
    try:
        yield handle
    finally:
        os.close(handle)


def open_regular(name: str, dir_fd: int) -> int:
    """Open a regular file for reading without following a link or waiting on a FIFO; the caller closes it.

    Raises OSError; IsADirectoryError and the like for anything that is not a regular file.
    """
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise IsADirectoryError(f"{show(name)} is not a regular file")
    return handle


def read_all(handle: int, limit: int | None = None) -> bytes:
    """Read a file to its end, or at most ``limit`` bytes."""
    want = os.fstat(handle).st_size + 1 if limit is None else limit
    chunks: list[bytes] = []
    while want > 0 and (chunk := os.read(handle, min(want, 16 << 20))):
        chunks.append(chunk)
        want = 1 << 20 if limit is None else want - len(chunk)
    return b"".join(chunks)


def read_regular(root: Path | int, path: PurePosixPath) -> tuple[bytes, os.stat_result]:
    """Read a regular file below ``root``, following no link. Raises OSError."""
    with folder(root, path.parent) as parent:
        handle = open_regular(path.name, parent)
        try:
            return read_all(handle), os.fstat(handle)
        finally:
            os.close(handle)


def write_all(handle: int, data: bytes) -> None:
    """Write every byte of ``data``."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def sync_folder(path: Path | int) -> None:
    """Make renames in a folder durable."""
    with folder(path) as handle:
        os.fsync(handle)


def write_atomically(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace a file of ours in one step; ``durable``: in a way that survives a power cut."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        write_all(handle, data)
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)
    temporary.rename(path)
    if durable:
        sync_folder(path.parent)


def remove_tree(path: Path) -> None:
    """Delete a tree of ours, read-only folders included; links are deleted, not followed. Missing is fine."""
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    emptied: list[Path] = []
    pending = [path]
    while pending:
        here = pending.pop()
        emptied.append(here)
        if here.stat().st_mode & 0o700 != 0o700:
            here.chmod(0o700)
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                else:
                    os.unlink(entry.path)  # noqa: PTH108 - a plain string, thousands of times
    for here in reversed(emptied):
        here.rmdir()


def storage_error(error: OSError, doing: str) -> CoveyError:
    """Return the error for a failed write under Covey's own folders."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFull(f"No space left while {doing}; free some and resume the run.", detail=str(error))
    return RunError(f"Could not go on while {doing}: {error.strerror or error}.", detail=str(error))
