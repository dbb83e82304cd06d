"""Edits, candidates and patches."""

from __future__ import annotations

from enum import StrEnum

from covey.core.canonical import Frozen, sha256


class Label(StrEnum):
    """What a patch has been shown to do, each including the one before.

    ``plausible``: the target tests pass. ``no_regressions``: also the whole suite, from clean source, in a fresh
    process, twice. ``verified``: also tests that the search never used, and no competing plausible patch disagrees
    with it on probe inputs.
    """

    plausible = "plausible"
    no_regressions = "no_regressions"
    verified = "verified"


class Edit(Frozen):
    """Replace bytes ``start:end`` of the base version of ``path`` by ``text`` in ``encoding``.

    Offsets count bytes from 0 in the file as it is on disk, so nothing outside the span can change. ``text`` already
    has the file's own line ends.
    """

    path: str
    start: int
    end: int
    text: str
    encoding: str = "utf-8"


class Candidate(Frozen):
    """A possible repair: edits against the base tree, and where they come from.

    ``score`` orders candidates (higher first); ``line`` is the line that the first edit is about, from 1.
    """

    id: str
    edits: tuple[Edit, ...]
    origin: str  # template name, or the role that wrote it
    path: str
    line: int
    score: float = 0.0
    explanation: str = ""

    @staticmethod
    def make_id(edits: tuple[Edit, ...]) -> str:
        """Name a candidate by its content, so that equal edits are one candidate."""
        return sha256("\0".join(f"{e.path}\0{e.start}\0{e.end}\0{e.text}" for e in edits))[:16]


class Patch(Frozen):
    """A unified diff against a base snapshot, appliable with ``git apply``.

    ``diff`` is always valid Unicode: a file that is not UTF-8 is written as a git binary patch (ASCII).
    """

    id: str
    base: str
    diff: str
    files: tuple[str, ...]
    origin: str = ""
    explanation: str = ""
    label: Label | None = None
    candidate: Candidate | None = None

    @staticmethod
    def make_id(diff: str) -> str:
        """Name a patch by its text."""
        return sha256(diff)[:16]
