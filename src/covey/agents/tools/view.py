"""The tree as tools see it: the snapshot of the run with the candidate's files over it, nothing else, read only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from covey.agents.workbench import Workbench
from covey.core.errors import AgentFeedback, EditError
from covey.models.lineedits import nearest
from covey.workspace.manifest import FILE, FOLDER, LINK
from covey.workspace.paths import safe_path, show

READ_BYTES = 1 << 20
"""A file above this size is not read by a tool: it is data, or generated."""
_KINDS = {LINK: "a symbolic link; name the file that it points at", FOLDER: "a folder; name a file in it"}
_START = 3
_COMPARED = 200
"""Paths that are compared letter by letter to name the nearest one."""


class TreeView(Mapping[str, bytes]):
    """Files by relative path. ``changes`` are those of the candidate so far.

    Only regular files of the snapshot's manifest are here, so nothing outside it can be named: links are not
    followed, and what the verdict alone may see is absent.
    """

    def __init__(self, tools: Workbench) -> None:
        self.changes: dict[str, bytes] = {}
        self._tools = tools
        self._held = tuple(dict.fromkeys(_file_of(name, tools.sources) for name in tools.holdout))

    def __getitem__(self, path: str) -> bytes:
        if path in self.changes:
            return self.changes[path]
        if path in self._tools.new_tests:
            return self._tools.new_tests[path]
        if self.held_out(path):
            raise KeyError(path)
        return self._tools.sources[path]

    def __iter__(self) -> Iterator[str]:
        sources = self._tools.sources
        yield from (path for path in self._tools.new_tests if path not in sources)
        yield from (path for path in sources if not self.held_out(path))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, str) or self.held_out(path):
            return False
        return path in self._tools.sources or path in self._tools.new_tests

    def held_out(self, path: str) -> bool:
        """True for what only the verdict may see."""
        return any(path == name or path.startswith(f"{name}/") for name in self._held)

    def over_base(self) -> dict[str, bytes | None]:
        """What differs from the base: new tests and the candidate's files; None for what may not be seen."""
        held = dict.fromkeys(path for path in self._tools.sources if self.held_out(path))
        return {**held, **self._tools.new_tests, **self.changes}

    def locate(self, path: str) -> str:
        """Return the one spelling of a file's path. Raises AgentFeedback, with the nearest file, for all others."""
        name = str(safe_path(path))  # an EditError is feedback too: absolute, '..', NUL, '.git'
        if name in self:
            return name
        if self.held_out(name):
            raise AgentFeedback(f"{show(name)} holds tests that only the final verdict may use; read other files.")
        entry = self._tools.ground.snapshot.manifest.get(name)
        if entry is None:
            raise AgentFeedback(f"There is no file {show(name)[:200]}{self._like(name)}.")
        if entry.kind != FILE:
            raise AgentFeedback(f"{show(name)} is {_KINDS.get(entry.kind, 'no regular file; name another')}.")
        raise AgentFeedback(f"{show(name)} has {entry.size:,} bytes, which is too large to read; name another file.")

    def read(self, path: str) -> tuple[str, bytes]:
        """Return the path's one spelling and the content of a text file. Raises AgentFeedback."""
        name = self.locate(path)
        try:
            data = self[name]
        except OSError as error:
            raise AgentFeedback(f"{show(name)} cannot be read ({error.strerror}); name another file.") from None
        if len(data) > READ_BYTES:
            raise AgentFeedback(f"{show(name)} has {len(data):,} bytes, too large to read; name another file.")
        if b"\0" in data:
            raise AgentFeedback(f"{show(name)} is binary; name a text file.")
        return name, data

    def below(self, path: str) -> tuple[str, list[str]]:
        """Return the spelling of a path and the files below it, or the file itself; '' is the root.

        Raises AgentFeedback.
        """
        try:
            name = "" if path.strip() in ("", ".", "./", "/") else str(safe_path(path))
        except EditError as error:
            raise AgentFeedback(f"{error} Give '' for the whole repository.") from None
        if name in self:
            return name, [name]
        prefix = name and f"{name}/"
        files = sorted(item for item in self if item.startswith(prefix))
        if not files:
            raise AgentFeedback(f"There is no file or folder {show(name)[:200]}{self._like(name)}.")
        return name, files

    def _like(self, name: str) -> str:
        """Name the file that was most likely meant: of the same name elsewhere, else one that is spelt alike."""
        last = name.rpartition("/")[2]
        known = list(self)
        alike = [path for path in known if path.rpartition("/")[2] == last]
        alike = alike or [path for path in known if path.rpartition("/")[2][:_START] == last[:_START]] or known
        found = nearest(name, sorted(alike)[:_COMPARED])
        return f"; the nearest is {show(found)}" if found else ""


def _file_of(name: str, known: Mapping[str, bytes]) -> str:
    """Return the file or folder that a held-out name lies in: a path, a pytest node id or a dotted unittest name."""
    path = name.partition("::")[0].rstrip("/")
    if path in known or "/" in path:
        return path
    parts = path.split(".")
    dotted = ("/".join(parts[:count]) + ".py" for count in range(len(parts), 0, -1))
    return next((found for found in dotted if found in known), path)
