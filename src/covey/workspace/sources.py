"""The files of a snapshot, read when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from covey.core.errors import EditError
from covey.workspace.files import read_regular
from covey.workspace.manifest import FILE, Entry
from covey.workspace.paths import is_text_name, safe_path
from covey.workspace.snapshot import Snapshot


class SourceFiles(Mapping[str, bytes]):
    """Read-only mapping from relative POSIX path to content.

    Holds the regular files of at most ``max_bytes`` whose names may be edited (see
    :func:`~covey.workspace.paths.safe_path`). Links are not followed: the file that a link points at is there
    under its own name when it is inside the tree.
    """

    def __init__(self, snapshot: Snapshot, max_bytes: int = 8 << 20) -> None:
        self._base = Path(snapshot.base)
        self._paths = {
            path: entry
            for path, entry in sorted(snapshot.manifest.items())
            if entry.kind == FILE and entry.size <= max_bytes and _editable(path)
        }

    def __getitem__(self, path: str) -> bytes:
        if path not in self._paths:
            raise KeyError(path)
        return read_regular(self._base, PurePosixPath(path))[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def entry(self, path: str) -> Entry:
        """Return size and SHA-256 of a file without reading it. Raises KeyError for a path that is not here."""
        return self._paths[path]

    def python_files(self) -> tuple[str, ...]:
        """Paths of Python modules, in order."""
        return tuple(path for path in self._paths if path.endswith(".py"))


def _editable(path: str) -> bool:
    if not is_text_name(path):
        return False
    try:
        return str(safe_path(path)) == path
    except EditError:
        return False
