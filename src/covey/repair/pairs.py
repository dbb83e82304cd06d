"""Candidates made of a promising one and one edit more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from covey.core.patch import Candidate, Edit
from covey.repair.sources import Source, read_source
from covey.workspace.edits import changes_of

_CLOSE = 400  # bytes within which two edits may spoil each other's syntax


def overlap(left: tuple[Edit, ...], right: tuple[Edit, ...]) -> bool:
    """True when two sets of edits touch the same bytes, or insert at the same one."""
    return any(
        a.path == b.path and ((a.start < b.end and b.start < a.end) or a.start in (b.start, b.end) or a.end == b.start)
        for a in left
        for b in right
    )


def _close(left: tuple[Edit, ...], right: tuple[Edit, ...]) -> bool:
    return any(a.path == b.path and abs(a.start - b.start) < _CLOSE for a in left for b in right)


def combined(
    sources: Mapping[str, bytes], seeds: tuple[Candidate, ...], singles: Iterator[Candidate]
) -> Iterator[Candidate]:
    """Yield every single candidate joined to every seed, in the order of the singles."""
    for single in singles:
        for seed in seeds:
            if overlap(seed.edits, single.edits):
                continue
            edits = tuple(sorted((*seed.edits, *single.edits), key=lambda e: (e.path, e.start, e.end)))
            if _close(seed.edits, single.edits) and not _readable(sources, edits):
                continue
            yield Candidate(
                id=Candidate.make_id(edits),
                edits=edits,
                origin=f"{seed.origin}+{single.origin}",
                path=seed.path,
                line=seed.line,
                score=round(single.score * 0.5, 6),
                explanation=f"{seed.explanation}; {single.explanation}"[:400],
            )


def _readable(sources: Mapping[str, bytes], edits: tuple[Edit, ...]) -> bool:
    return all(isinstance(read_source(path, data), Source) for path, data in changes_of(sources, edits).items())
