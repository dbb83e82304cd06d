"""Copying a scanned folder, hashing on the way."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from covey.workspace.files import folder, open_folder, open_regular, write_all
from covey.workspace.manifest import FILE, FOLDER, LINK, Entry
from covey.workspace.scan import LeftOut, Scan, Why

_CHUNK = 8 << 20
_JOB = 64  # files handed to a thread at once
_ATTEMPTS = 3
_PERMISSIONS = 0o777  # setuid, setgid and sticky are never copied

Read = Callable[[int, int], bytes]


class Stopped(Exception):
    """Copying was asked to stop."""


class Unreadable(Exception):
    """Reading the source failed (errors of the destination stay OSError)."""


@dataclass
class Copied:
    """What arrived."""

    entries: dict[str, Entry] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=LeftOut)
    torn: list[str] = field(default_factory=list)  # changed during every attempt

    def merge(self, other: Copied) -> None:
        """Add what another thread copied."""
        self.entries.update(other.entries)
        self.torn.extend(other.torn)
        self.left_out.merge(other.left_out)


def _pump(source: int, target: int, size: int, read: Read) -> tuple[str, int]:
    """Copy up to ``size`` bytes; return their hash and number."""
    digest = hashlib.sha256()
    done = 0
    while done < size:
        try:
            chunk = read(source, min(_CHUNK, size - done))
        except OSError as error:
            raise Unreadable from error
        if not chunk:
            break
        digest.update(chunk)
        write_all(target, chunk)
        done += len(chunk)
    return digest.hexdigest(), done


def copy_open_file(source: int, target: int, owner: int | None, read: Read = os.read) -> tuple[Entry, bool]:
    """Copy one open file into another, again when it changed meanwhile; say whether it held still.

    Raises Unreadable for the source, OSError for the target.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            os.lseek(source, 0, os.SEEK_SET)
            os.lseek(target, 0, os.SEEK_SET)
            os.ftruncate(target, 0)
        status = os.fstat(source)
        digest, size = _pump(source, target, status.st_size, read)
        after = os.fstat(source)
        steady = size == after.st_size and (after.st_size, after.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
        if steady:
            break
    mode = stat.S_IMODE(status.st_mode) & _PERMISSIONS
    if owner is not None:
        os.fchown(target, owner, -1)
    os.fchmod(target, mode)
    return Entry(mode, FILE, size, digest), steady


class Copier:
    """Copies ``scan`` of ``root`` into the empty folder ``base``."""

    def __init__(
        self, root: Path, base: Path, *, owner: int | None, max_file_bytes: int, stop: threading.Event | None = None
    ) -> None:
        self._root = root
        self._base = base
        self._owner = owner
        self._max_file_bytes = max_file_bytes
        self._stop = stop or threading.Event()

    def copy(self, scan: Scan) -> Copied:
        """Copy everything. Raises Stopped, and OSError when the destination cannot be written."""
        for path in scan.folders[1:]:
            (self._base / path).mkdir(mode=0o700)
        copied = Copied()
        threads = max(1, min(4, len(os.sched_getaffinity(0))))
        with ThreadPoolExecutor(threads, thread_name_prefix="covey-copy") as pool:
            try:
                for part in pool.map(lambda job: self._job(*job), list(self._jobs(scan))):
                    copied.merge(part)
            except BaseException:
                self._stop.set()
                raise
        for path in reversed(scan.folders):  # last, because a read-only folder takes no files
            copied.entries[path or "."] = self._finish_folder(path)
        return copied

    def _jobs(self, scan: Scan) -> Iterator[tuple[str, list[str], list[str]]]:
        for path, names in scan.files.items():
            for start in range(0, len(names), _JOB):
                yield path, names[start : start + _JOB], []
        for path, names in scan.links.items():
            yield path, [], names

    def _job(self, path: str, files: list[str], links: list[str]) -> Copied:
        copied = Copied()
        prefix = path and path + "/"
        try:
            source = open_folder(self._root, PurePosixPath(path))
        except OSError:
            for name in files + links:
                copied.left_out.add(Why.changing, prefix + name)
            return copied
        try:
            with folder(self._base, PurePosixPath(path)) as target:
                for name in files:
                    if self._stop.is_set():
                        raise Stopped
                    self._file(name, prefix + name, source, target, copied)
                for name in links:
                    self._link(name, prefix + name, source, target, copied)
        finally:
            os.close(source)
        return copied

    def _file(self, name: str, path: str, source_folder: int, target_folder: int, copied: Copied) -> None:
        try:
            source = open_regular(name, source_folder)
        except OSError as error:
            copied.left_out.add(Why.unreadable if isinstance(error, PermissionError) else Why.changing, path)
            return
        try:
            if os.fstat(source).st_size > self._max_file_bytes:
                copied.left_out.add(Why.too_large, path)
                return
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            target = os.open(name, flags, 0o600, dir_fd=target_folder)
            try:
                copied.entries[path], steady = copy_open_file(source, target, self._owner)
                if not steady:
                    copied.torn.append(path)
            except Unreadable:
                os.unlink(name, dir_fd=target_folder)
                copied.left_out.add(Why.unreadable, path)
            finally:
                os.close(target)
        finally:
            os.close(source)

    def _link(self, name: str, path: str, source_folder: int, target_folder: int, copied: Copied) -> None:
        try:
            to = os.readlink(name, dir_fd=source_folder)
        except OSError:
            copied.left_out.add(Why.changing, path)
            return
        os.symlink(to, name, dir_fd=target_folder)
        if self._owner is not None:
            os.chown(name, self._owner, -1, dir_fd=target_folder, follow_symlinks=False)
        raw = os.fsencode(to)
        copied.entries[path] = Entry(0o777, LINK, len(raw), hashlib.sha256(raw).hexdigest())

    def _finish_folder(self, path: str) -> Entry:
        try:
            with folder(self._root, PurePosixPath(path)) as source:
                mode = stat.S_IMODE(os.fstat(source).st_mode) & _PERMISSIONS
        except OSError:
            mode = 0o755  # gone meanwhile
        with folder(self._base, PurePosixPath(path)) as target:
            if self._owner is not None:
                os.fchown(target, self._owner, -1)
            os.fchmod(target, mode)
        return Entry(mode, FOLDER, 0, "")
