"""The journal of an application to the user's files: what was there, what shall be there, how far it came."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal

from covey.core.canonical import Frozen
from covey.core.errors import RunError
from covey.workspace.files import remove_tree, storage_error, write_atomically
from covey.workspace.paths import show

JOURNAL_VERSION = 1


class FileState(Frozen):
    """A regular file: hash of its bytes, and all twelve permission bits; then who owns it and when it was changed."""

    sha256: str
    mode: int
    uid: int = -1
    gid: int = -1
    mtime_ns: int = 0

    def same(self, other: FileState | None) -> bool:
        """Compare what a reader of the file can see: bytes and permission bits."""
        return other is not None and (self.sha256, self.mode) == (other.sha256, other.mode)


class Entry(Frozen):
    """One file; None stands for "no such file". ``temporary`` is the name, beside it, that is used on the way."""

    path: str
    temporary: str
    before: FileState | None
    after: FileState | None

    @property
    def forward(self) -> str:
        """Path of the temporary file while applying. While it is there, the file itself has not been touched."""
        return os.path.join(os.path.dirname(self.path), self.temporary)  # noqa: PTH118, PTH120 - text, not a file

    @property
    def backward(self) -> str:
        """Path of the temporary file while restoring."""
        return self.forward + ".back"


class Journal(Frozen):
    """One application of one patch. ``folders`` are those it makes, outer ones first.

    ``applying`` and ``restoring`` are recovered by giving every file its ``before``; ``applied`` is complete.
    """

    version: int = JOURNAL_VERSION
    repository: str
    patch: str
    phase: Literal["applying", "applied", "restoring"]
    entries: tuple[Entry, ...]
    folders: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of all entries."""
        return tuple(entry.path for entry in self.entries)


class JournalFolder:
    """The folder that keeps a journal and the bytes from before. It belongs to Covey."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "journal.json"
        self._before = folder / "before"

    def load(self) -> Journal | None:
        """Return the journal, None when there is none. Raises RunError when it cannot be read."""
        try:
            return Journal.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunError(
                f"{show(self._file)} cannot be read; the bytes from before are in {show(self._before)}.",
                detail=str(error),
            ) from None

    def save(self, journal: Journal) -> None:
        """Write the journal durably. Raises StoreFull or RunError."""
        try:
            write_atomically(self._file, journal.model_dump_json(indent=1).encode(), durable=True)
        except OSError as error:
            raise storage_error(error, f"writing the journal {show(self._file)}") from error

    def keep(self, data: bytes) -> None:
        """Keep the bytes of a file durably. Raises StoreFull or RunError."""
        try:
            self._before.mkdir(mode=0o700, exist_ok=True)
            write_atomically(self.kept(hashlib.sha256(data).hexdigest()), data, durable=True)
        except OSError as error:
            raise storage_error(error, f"keeping bytes in {show(self._before)}") from error

    def make(self) -> None:
        """Make the folder. Raises StoreFull or RunError."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, f"making {show(self.folder)}") from error

    def kept(self, digest: str) -> Path:
        """Path of kept bytes."""
        return self._before / digest

    def take(self, digest: str) -> bytes:
        """Return kept bytes. Raises RunError when they are damaged."""
        try:
            data = self.kept(digest).read_bytes()
        except OSError as error:
            raise RunError(f"{show(self.kept(digest))} cannot be read: {error.strerror}.") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise RunError(f"{show(self.kept(digest))} is damaged; it was not written back.")
        return data

    def drop(self) -> None:
        """Forget the application: first the journal, then the bytes."""
        self._file.unlink(missing_ok=True)
        remove_tree(self._before)
