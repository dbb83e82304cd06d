"""The right to work on a run: an advisory lock that ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from covey.core.errors import StoreConflict, UnusableInput
from covey.store.files import make_folder, os_fault

_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@contextmanager
def run_lock(folder: Path, run_id: str) -> Iterator[None]:
    """Hold ``<folder>/<run_id>.lock``. Raises StoreConflict at once when another holder lives.

    ``flock`` belongs to the open file, not to the process: two holders in one process exclude each other too, and a
    program started meanwhile does not inherit the lock. The empty file stays: removing it could split the lock.
    """
    if not _RUN.fullmatch(run_id):
        raise UnusableInput(f"{run_id!r} is not the id of a run.")
    path = folder / f"{run_id}.lock"
    make_folder(folder)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise os_fault(error, path) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreConflict(
                f"Run {run_id} is being worked on already. Wait until that ends, or stop it, and try again."
            ) from None
        except OSError as error:
            raise os_fault(error, path) from error
        yield
    finally:
        os.close(handle)
