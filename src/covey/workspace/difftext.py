"""Reading the text of a unified diff: which files it touches, and how."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from covey.core.errors import PatchDoesNotApply

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
_SIMPLE = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
_MODE_LINES = ("old mode ", "new mode ", "new file mode ", "deleted file mode ")
_NULL = "/dev/null"


class FileDiff(NamedTuple):
    """One file of a diff. ``old`` is None for a new file, ``new`` None for a deleted one; paths have no prefix.

    ``modes`` are all file modes that the diff names; ``added`` and ``deleted`` count text lines.
    """

    old: str | None
    new: str | None
    modes: tuple[str, ...] = ()
    added: int = 0
    deleted: int = 0
    binary: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """Old and new path, each once."""
        return tuple(dict.fromkeys(path for path in (self.old, self.new) if path is not None))


def unquote(name: str) -> str:
    """Undo git's C-style quoting of a name, if it is quoted."""
    if not (len(name) >= 2 and name.startswith('"') and name.endswith('"')):
        return name

    def plain(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _SIMPLE.get(code, code)

    raw = _ESCAPE.sub(plain, name[1:-1].encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def _name(text: str) -> str | None:
    """Return the path on a ``---`` or ``+++`` line without its prefix folder, None for /dev/null."""
    text = text if text.startswith('"') else text.split("\t", 1)[0]
    path = unquote(text.rstrip("\t\r"))
    if path == _NULL:
        return None
    prefix, slash, rest = path.partition("/")
    if not slash or not prefix:
        raise PatchDoesNotApply(
            f"The diff names {path!r} without the usual a/ and b/ prefixes; write a git-style diff."
        )
    return rest


def _header_names(line: str) -> tuple[str, str] | None:
    """Return both paths of a ``diff --git`` line when they can be told apart: equal, or both quoted."""
    rest = line.removeprefix("diff --git ")
    if quoted := re.fullmatch(r'("(?:[^"\\]|\\.)*") ("(?:[^"\\]|\\.)*")', rest):
        first, second = unquote(quoted[1]), unquote(quoted[2])
    else:
        first, second = rest[: len(rest) // 2], rest[len(rest) // 2 + 1 :]
    old, new = first.partition("/")[2], second.partition("/")[2]
    return (old, new) if old and old == new else None


class _Reader:
    """Collects one file after another."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0

    def files(self) -> Iterator[FileDiff]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith("diff --git "):
                yield self._git_file(line)
            elif line.startswith("--- ") and self._peek(1).startswith("+++ "):
                yield self._body(FileDiff(None, None))
            else:
                self._at += 1

    def _peek(self, ahead: int) -> str:
        return self._lines[self._at + ahead] if self._at + ahead < len(self._lines) else ""

    def _git_file(self, header: str) -> FileDiff:
        names = _header_names(header)
        old, new = names or (None, None)
        modes: list[str] = []
        binary = False
        self._at += 1
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith("diff --git ") or (line.startswith("--- ") and self._peek(1).startswith("+++ ")):
                break
            self._at += 1
            modes += [line.rsplit(" ", 1)[1].strip() for prefix in _MODE_LINES if line.startswith(prefix)]
            if line.startswith(("rename from ", "copy from ")):
                old = unquote(line.split(" from ", 1)[1])
            elif line.startswith(("rename to ", "copy to ")):
                new = unquote(line.split(" to ", 1)[1])
            elif line.startswith("new file mode "):
                old = None
            elif line.startswith("deleted file mode "):
                new = None
            elif line.startswith("GIT binary patch"):
                binary = True
        found = FileDiff(old, new, tuple(modes), binary=binary)
        if self._at < len(self._lines) and self._lines[self._at].startswith("--- "):
            return self._body(found)
        if old is None and new is None:
            raise PatchDoesNotApply(f"The diff's header {header[:200]!r} does not say which file it is about.")
        return found

    def _body(self, found: FileDiff) -> FileDiff:
        """Read ``---``, ``+++`` and the hunks after them."""
        old, new = _name(self._lines[self._at][4:]), _name(self._lines[self._at + 1][4:])
        self._at += 2
        added = deleted = 0
        while hunk := _HUNK.match(self._peek(0)):
            self._at += 1
            more = self._hunk(int(hunk[1] or 1), int(hunk[2] or 1))
            added, deleted = added + more[0], deleted + more[1]
        return found._replace(old=old, new=new, added=added, deleted=deleted)

    def _hunk(self, old_left: int, new_left: int) -> tuple[int, int]:
        added = deleted = 0
        while (old_left > 0 or new_left > 0) and self._at < len(self._lines):
            mark = self._lines[self._at][:1]
            if mark == "+":
                added, new_left = added + 1, new_left - 1
            elif mark == "-":
                deleted, old_left = deleted + 1, old_left - 1
            elif mark in ("", " "):
                old_left, new_left = old_left - 1, new_left - 1
            elif mark != "\\":
                raise PatchDoesNotApply(f"Line {self._at + 1} of the diff is not part of a hunk; write the diff again.")
            self._at += 1
        return added, deleted


def read_diff(diff: str) -> tuple[FileDiff, ...]:
    """Return what a unified diff touches. Raises PatchDoesNotApply for a text that is no diff.

    Lines end at a line feed only: a diff may hold every other character that :meth:`str.splitlines` splits at.
    """
    files = tuple(_Reader(diff.split("\n")).files())
    if not files:
        raise PatchDoesNotApply("The text holds no diff; write a unified diff with ---, +++ and @@ lines.")
    return files


def patch_files(diff: str) -> tuple[str, ...]:
    """Return the paths that a diff touches, each once, in order."""
    return tuple(sorted({path for file in read_diff(diff) for path in file.paths}))


def new_files(diff: str) -> dict[str, str]:
    """Return the text files that a diff of our own (:func:`covey.workspace.diff.make_patch`) creates, by path.

    Such a file is one hunk of added lines; the last one may be without its line end.
    """
    found = {}
    for part in re.split(r"(?m)^diff --git ", diff)[1:]:
        head, _, body = part.partition("\n@@ ")
        path = re.search(r"(?m)^\+\+\+ (.+)$", head)
        if path and "\nnew file mode " in head:
            text = "".join(f"{line[1:]}\n" for line in body.split("\n") if line.startswith("+"))
            found[_name(path[1]) or ""] = text.removesuffix("\n") if "\n\\ No newline" in body else text
    return found
