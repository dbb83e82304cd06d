"""Small helpers to ask the repair engine what it would try."""

from __future__ import annotations

import ast
import textwrap

from covey.core.patch import Candidate
from covey.core.repair import Suspect
from covey.core.testing import Failure
from covey.repair.stream import CandidateStream
from covey.workspace.edits import apply_edits

PATH = "pkg/mod.py"


def suspects_of(data: bytes, path: str = PATH) -> tuple[Suspect, ...]:
    """Every line, equally suspicious."""
    count = len(data.splitlines()) + 1
    return tuple(Suspect(path=path, line=line, score=0.5) for line in range(1, count + 1))


def stream_of(data: bytes, *failures: Failure, seed: int = 0) -> CandidateStream:
    """Stream over one file with all lines suspicious."""
    return CandidateStream({PATH: data}, suspects_of(data), failures=failures, seed=seed)


def candidates_of(data: bytes, *failures: Failure, most: int = 8000) -> tuple[Candidate, ...]:
    """Every candidate of one file."""
    return stream_of(data, *failures).take(0, most)


def source(text: str) -> bytes:
    """Dedented program as bytes."""
    return textwrap.dedent(text).lstrip("\n").encode()


def tree(data: bytes) -> str:
    """Syntax tree as text, without positions."""
    return ast.dump(ast.parse(data))


def rank_of(before: str, after: str, *failures: Failure) -> tuple[int, Candidate] | None:
    """Place (from 1) and candidate whose patched program equals ``after``; None when there is none."""
    data, wanted = source(before), tree(source(after))
    for place, candidate in enumerate(candidates_of(data, *failures), 1):
        try:
            if tree(apply_edits(data, candidate.edits)) == wanted:
                return place, candidate
        except SyntaxError:
            continue
    return None
