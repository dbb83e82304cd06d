"""Files that are there whole or not at all, and what the operating system's refusals mean for the store."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryFile

from covey.core.errors import StoreError, StoreFull

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_WRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_TEMPORARY = ".tmp-"
_ABANDONED_S = 3600.0


def full(path: Path) -> StoreFull:
    """Say that nothing more can be written under ``path``."""
    return StoreFull(
        f"There is no space left (or a file-size limit is reached) at {path}. Everything recorded so far is intact: "
        "make space and go on with `covey runs resume`."
    )


def not_writable(path: Path) -> StoreError:
    """Say that ``path`` cannot be written."""
    return StoreError(
        f"The run store at {path} cannot be written. Make it writable for this user, or set COVEY_HOME to a folder "
        "that is."
    )


def os_fault(error: OSError, path: Path) -> StoreError:
    """Translate a refusal of the operating system."""
    if error.errno in _NO_SPACE:
        return full(path)
    if error.errno in _NOT_WRITABLE:
        return not_writable(path)
    return StoreError(
        f"The run store failed at {path}: {error.strerror or error}. Nothing was taken as written. "
        "Check the disk before you go on."
    )


def make_folder(path: Path) -> None:
    """Make a folder and its parents, on the disk when this returns. Raises StoreError."""
    try:
        _make_folder(path)
    except OSError as error:
        raise os_fault(error, path) from error


def _make_folder(path: Path) -> None:
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def probe_space(folder: Path, size: int) -> OSError | None:
    """Try to have a file of a little more than ``size`` bytes in ``folder``; return why it is refused, or None.

    The file is sparse up to ``size``, so that space, quota and the limit on file sizes are all asked at once.
    """
    try:
        with TemporaryFile(dir=folder, buffering=0) as file:
            os.pwrite(file.fileno(), b"\0" * 65536, size)
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None


def write_whole(path: Path, write: Callable[[int], object]) -> None:
    """Make or replace ``path`` atomically: a temporary file beside it, fsync, rename, fsync of the folder.

    ``write`` gets the descriptor of the temporary file. When anything fails the old content stays, the temporary file
    is removed, and StoreError is raised: a failed fsync is never tried again as if it had only been slow.
    """
    temporary = path.parent / f"{_TEMPORARY}{token_hex(8)}"
    try:
        make_folder(path.parent)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write(handle)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, path)  # noqa: PTH105 - the system call by its own name
        sync_folder(path.parent)
    except OSError as error:
        raise os_fault(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_all(handle: int, data: bytes) -> None:
    """Write all of ``data``; a single write may stop half-way. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def remove_abandoned(folder: Path) -> None:
    """Remove temporary files that a killed process left in ``folder`` more than an hour ago."""
    for entry in os.scandir(folder):
        if not entry.name.startswith(_TEMPORARY):
            continue
        with contextlib.suppress(FileNotFoundError):  # another process has just given it its name
            if time.time() - entry.stat(follow_symlinks=False).st_mtime > _ABANDONED_S:
                Path(entry.path).unlink(missing_ok=True)
