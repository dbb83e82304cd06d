"""The file of an unfinished download: locked, resumable, hashed as a whole, and put in place all at once.

Beside ``NAME`` there is ``NAME.part`` with what has arrived and ``NAME.part.json``, which says of what. A finished file
is renamed over ``NAME``; one with a wrong checksum becomes ``NAME.bad``, so that it can be looked at and never be used.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import Field, ValidationError

from covey.core.canonical import Frozen
from covey.core.errors import RunError, UnusableModel

CHUNK = 1 << 20
_SPARE = 64 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_STATE_BYTES = 4096


class PartState(Frozen):
    """Of what the bytes in a part file are: its address, and what the server said to tell one version from another.

    ``validator`` is a strong entity tag or a date for ``If-Range`` (RFC 9110, section 13.1.5); empty when the server
    gave none. ``total`` in bytes, and ``digest`` (SHA-256), where they are known.
    """

    url: str = Field(max_length=2000)
    validator: str = Field("", max_length=500)
    total: int | None = Field(None, ge=0)
    digest: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


class PartFile:
    """An open, locked part file. Writes go through :meth:`write`, which hashes them too. Blocking: use a thread."""

    def __init__(self, dest: Path, handle: BinaryIO) -> None:
        self.dest = dest
        self.path = part_path(dest)
        self.size = os.fstat(handle.fileno()).st_size
        self.state: PartState | None = None
        self.closing = False  # ends a :meth:`load` in another thread early
        self._handle = handle
        self._hash = hashlib.sha256()

    def load(self) -> None:
        """Take over what an earlier download left, and hash it; start empty when it cannot be told what it is."""
        try:
            raw = self._sidecar.read_bytes()[:_STATE_BYTES]
            self.state = PartState.model_validate_json(raw)
        except (OSError, ValidationError):
            self.restart()
            return
        self._handle.seek(0)
        self._hash = hashlib.sha256()
        while not self.closing and (block := self._handle.read(CHUNK)):
            self._hash.update(block)
        self.size = self._handle.tell()

    def restart(self) -> None:
        """Throw away what is there."""
        self._handle.truncate(0)
        self._handle.seek(0)
        self.size, self.state, self._hash = 0, None, hashlib.sha256()
        self._sidecar.unlink(missing_ok=True)

    def note(self, state: PartState) -> None:
        """Record of what the bytes are, before the first of them is written."""
        if state == self.state:
            return
        self.state = state
        with _disk_words(self.dest):
            temporary = self._sidecar.with_suffix(".tmp")
            temporary.write_text(json.dumps(state.model_dump()), encoding="utf-8")
            temporary.replace(self._sidecar)

    def write(self, data: bytes) -> None:
        """Append ``data``. Raises RunError when the disk is full; what was written before stays."""
        with _disk_words(self.dest):
            view = memoryview(data)
            while view:
                done = os.write(self._handle.fileno(), view)
                self._hash.update(view[:done])
                self.size += done
                view = view[done:]

    def sync(self) -> None:
        """Make what was written survive a crash of the machine."""
        with _disk_words(self.dest):
            os.fsync(self._handle.fileno())

    @property
    def sha256(self) -> str:
        """SHA-256 of everything that is in the file now."""
        return self._hash.hexdigest()

    def start(self, length: int) -> bytes:
        """The file's first bytes."""
        return os.pread(self._handle.fileno(), length, 0)

    def finish(self) -> None:
        """Put the file in its place: flushed, renamed over whatever was there, and the folder flushed too."""
        self.sync()
        with _disk_words(self.dest):
            self.path.replace(self.dest)
            self._sidecar.unlink(missing_ok=True)
            bad_path(self.dest).unlink(missing_ok=True)
            _sync_folder(self.dest.parent)

    def reject(self) -> Path:
        """Set a file with wrong content aside, where nothing uses it and no download resumes it."""
        bad = bad_path(self.dest)
        with _disk_words(self.dest):
            self.path.replace(bad)
            self._sidecar.unlink(missing_ok=True)
        return bad

    @property
    def _sidecar(self) -> Path:
        return self.path.with_name(self.path.name + ".json")


def part_path(dest: Path) -> Path:
    """Where an unfinished download of ``dest`` lies."""
    return dest.with_name(dest.name + ".part")


def bad_path(dest: Path) -> Path:
    """Where a download of ``dest`` with a wrong checksum lies."""
    return dest.with_name(dest.name + ".bad")


@contextmanager
def open_part(dest: Path) -> Iterator[PartFile]:
    """Open the part file of ``dest``, alone. Raises UnusableModel when another process or task is downloading it.

    The lock (``flock``) belongs to the open file and ends with its process, however that ends.
    """
    with _disk_words(dest):
        dest.parent.mkdir(parents=True, exist_ok=True)
    handle = _locked(dest)
    part = PartFile(dest, handle)
    try:
        yield part
    finally:
        part.closing = True
        if part.size == 0:  # nothing to go on from; whoever waits for the lock notices that the file is gone
            part.restart()
            part_path(dest).unlink(missing_ok=True)
        handle.close()


def _locked(dest: Path) -> BinaryIO:
    path = part_path(dest)
    while True:
        with _disk_words(dest):
            handle = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644), "r+b", 0)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            here = path.stat()
            if (here.st_dev, here.st_ino) == (os.fstat(handle.fileno()).st_dev, os.fstat(handle.fileno()).st_ino):
                return handle
        except BlockingIOError:
            handle.close()
            raise UnusableModel(f"{dest.name} is being downloaded already. Wait until that ends, or stop it.") from None
        except FileNotFoundError:  # another download has just put its file in place
            handle.close()
            continue
        handle.close()


def check_space(dest: Path, wanted: int) -> None:
    """Raise RunError unless ``wanted`` bytes and a small reserve are free where ``dest`` goes."""
    free = shutil.disk_usage(dest.parent).free
    if wanted + _SPARE > free:
        raise RunError(
            f"{dest.name} needs {wanted / 1e9:.2f} GB more and {dest.parent} has {free / 1e9:.2f} GB free. "
            "Make room there, or choose another folder with --to."
        )


def hash_file(path: Path) -> str:
    """SHA-256 of a file. Blocking."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _disk_words(dest: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise RunError(
                f"No room for {dest.name} in {dest.parent}: {error.strerror}. What has arrived is kept; make room (or "
                "raise the file-size limit) and give the same command again to go on."
            ) from None
        raise RunError(
            f"{dest} cannot be written: {error.strerror}. Choose a folder that can be written with --to."
        ) from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
