"""Suspicion of functions and files, from that of their lines: for maps of a repository and for people. Pure.

What holds a suspicious line is as suspicious as the line; a second suspicious line moves it further towards 1, by a
share that halves with each, so that a long function with many faint lines does not outrank one with a strong line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from covey.core.repair import Suspect

_SHARE = 0.25
_LINES = 4


class SuspectFunction(NamedTuple):
    """A function, method or class body by its qualified name; "" is the module's own level."""

    path: str
    symbol: str
    score: float
    line: int  # its most suspicious line, from 1


class SuspectFile(NamedTuple):
    """A file."""

    path: str
    score: float
    line: int


def by_function(suspects: Sequence[Suspect]) -> tuple[SuspectFunction, ...]:
    """Functions that hold suspicious lines, most suspicious first."""
    groups = _grouped(suspects, lambda suspect: (suspect.path, suspect.symbol))
    found = [SuspectFunction(group[0].path, group[0].symbol, _together(group), group[0].line) for group in groups]
    return tuple(sorted(found, key=lambda item: (-item.score, item.path, item.line)))


def by_file(suspects: Sequence[Suspect]) -> tuple[SuspectFile, ...]:
    """Files that hold suspicious lines, most suspicious first."""
    groups = _grouped(suspects, lambda suspect: suspect.path)
    found = [SuspectFile(group[0].path, _together(group), group[0].line) for group in groups]
    return tuple(sorted(found, key=lambda item: (-item.score, item.path)))


def _grouped(suspects: Sequence[Suspect], key: Callable[[Suspect], Hashable]) -> list[list[Suspect]]:
    """Suspects by ``key``, each group's most suspicious first."""
    groups: dict[Hashable, list[Suspect]] = defaultdict(list)
    for suspect in sorted(suspects, key=lambda item: (-item.score, item.path, item.line)):
        groups[key(suspect)].append(suspect)
    return list(groups.values())


def _together(group: Sequence[Suspect]) -> float:
    value, share = group[0].score, _SHARE
    for suspect in group[1:_LINES]:
        value = 1 - (1 - value) * (1 - share * suspect.score)
        share /= 2
    return round(value, 6)
