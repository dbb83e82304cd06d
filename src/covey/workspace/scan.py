"""The walk over a user's folder: what belongs to a snapshot and what is left out, and why."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath

from covey.core.errors import UnusableInput
from covey.workspace.files import folder
from covey.workspace.paths import is_git_name, show

_EXAMPLES = 3
_NOTE_PATH = 120
_VERSION_CONTROL = frozenset({".hg", ".svn", ".bzr", ".jj"})
_CACHES = frozenset(
    {
        "__pycache__", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache",
        ".hypothesis", ".eggs", ".ipynb_checkpoints",
    }
)  # fmt: skip


class Why(StrEnum):
    """Why something is left out; the value is the phrase for the user, in the order of the notes."""

    unreadable = "unreadable"
    changing = "gone before they could be copied"
    too_large = "above the size limit for one file"
    special = "neither files, folders nor links (pipes, sockets, devices)"
    excluded = "excluded"
    version_control = "version control"
    environment = "virtual environments"
    node_modules = "node_modules"
    cache = "caches"


@dataclass
class LeftOut:
    """The paths left out, by reason."""

    paths: dict[Why, list[str]] = field(default_factory=dict)

    def add(self, why: Why, path: str) -> None:
        """Take note of one path."""
        self.paths.setdefault(why, []).append(path)

    def merge(self, other: LeftOut) -> None:
        """Add what another walk left out."""
        for why, paths in other.paths.items():
            self.paths.setdefault(why, []).extend(paths)

    def notes(self) -> Iterator[str]:
        """Yield one sentence for each reason."""
        for why in Why:
            if paths := self.paths.get(why):
                yield f"Left out, {why.value}: {some(paths)}."


def some(paths: Collection[str]) -> str:
    """Name the first few paths, in order, and say how many more there are."""
    count = len(paths)
    named = [show(path)[-_NOTE_PATH:] for path in sorted(paths)[:_EXAMPLES]]
    return ", ".join(named) + (f" and {count - len(named)} more" if count > len(named) else "")


@dataclass
class Scan:
    """What was found. Paths are relative; folders come before what they hold, the root (``""``) first."""

    folders: list[str] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)  # folder → names
    links: dict[str, list[str]] = field(default_factory=dict)
    bytes: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)


def _leave_out(name: str, *, is_folder: bool) -> Why | None:
    """Decide by name alone."""
    if is_git_name(name) or (is_folder and name in _VERSION_CONTROL):
        return Why.version_control
    if not is_folder:
        return Why.cache if name.endswith(".pyc") else None
    if name in _CACHES:
        return Why.cache
    return Why.node_modules if name == "node_modules" else None


class Scanner:
    """Walks one folder. ``exclude`` are absolute paths that are not entered."""

    def __init__(self, root: Path, exclude: Iterable[Path], max_file_bytes: int, max_total_bytes: int) -> None:
        self.root = root
        self._exclude = {os.fspath(path) for path in exclude}
        self._max_file_bytes = max_file_bytes
        self._max_total_bytes = max_total_bytes
        self._by_top: dict[str, int] = {}
        self._found = Scan()

    def scan(self) -> Scan:
        """Walk. Raises UnusableInput when the folder cannot be read or is too large."""
        pending = [""]
        with folder(self.root) as root:
            while pending:
                here = pending.pop()
                try:
                    below = self._folder(root, here)
                except FileNotFoundError:
                    self._found.left_out.add(Why.changing, here)
                except OSError as error:
                    if not here:
                        raise UnusableInput(f"{show(self.root)} cannot be read: {error.strerror}.") from None
                    self._found.left_out.add(Why.unreadable, here)
                else:
                    pending.extend(reversed(below))
        return self._found

    def _folder(self, root: int, here: str) -> list[str]:
        """Sort the entries of one folder; return the sub-folders to walk."""
        with folder(root, PurePosixPath(here)) as handle, os.scandir(handle) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
            names = {entry.name for entry in entries}
            if here and ("pyvenv.cfg" in names or "conda-meta" in names):
                self._found.left_out.add(Why.environment, here)
                return []
            self._found.folders.append(here)
            prefix = here and here + "/"
            return [path for entry in entries if (path := self._entry(entry, prefix, here))]

    def _entry(self, entry: os.DirEntry[str], prefix: str, here: str) -> str | None:
        """Take note of one entry; return its path when it is a folder to walk."""
        path = prefix + entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        why = _leave_out(entry.name, is_folder=is_folder)
        if self._exclude and f"{self.root}/{path}" in self._exclude:
            why = Why.excluded
        if why:
            self._found.left_out.add(why, path)
        elif is_folder:
            return path
        elif entry.is_symlink():
            self._found.links.setdefault(here, []).append(entry.name)
        else:
            self._file(entry, path, here)
        return None

    def _file(self, entry: os.DirEntry[str], path: str, here: str) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            gone = error.errno in (errno.ENOENT, errno.ESTALE)
            self._found.left_out.add(Why.changing if gone else Why.unreadable, path)
            return
        if not stat.S_ISREG(status.st_mode):
            self._found.left_out.add(Why.special, path)
        elif status.st_size > self._max_file_bytes:
            self._found.left_out.add(Why.too_large, path)
        else:
            self._found.files.setdefault(here, []).append(entry.name)
            self._count(path, status.st_size)

    def _count(self, path: str, size: int) -> None:
        self._found.bytes += size
        top = path.split("/", 1)[0]
        self._by_top[top] = self._by_top.get(top, 0) + size
        if self._found.bytes > self._max_total_bytes:
            largest = sorted(self._by_top.items(), key=lambda item: -item[1])[:_EXAMPLES]
            named = ", ".join(f"{show(name)} ({amount >> 20} MiB so far)" for name, amount in largest)
            raise UnusableInput(
                f"{show(self.root)} holds more than {self._max_total_bytes >> 20} MiB; largest: {named}. "
                "Move data out of the folder, or point --repo at the part that holds the code."
            )
