"""What the code index knows of one file, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from covey.workspace.codeindex_parse import unpacked


class Symbol(NamedTuple):
    """One definition. ``name`` is qualified (``Session.close``), ``kind`` is class, function, method or variable.

    Lines count from 1; ``signature`` is the text before the body, on one line and cut when long.
    """

    name: str
    kind: str
    line: int
    last_line: int
    signature: str

    @property
    def depth(self) -> int:
        """How many definitions are around this one."""
        return self.name.count(".")


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file: why it holds nothing ('' when it was read), its symbols, its imports as written, the names it uses."""

    problem: str
    symbols: tuple[Symbol, ...]
    imports: tuple[str, ...]
    names: tuple[str, ...]


TOO_LARGE = FileFacts("too large", (), (), ())


def read_facts(data: bytes) -> FileFacts | None:
    """Unpack one row of the cache; None when it is damaged."""
    try:
        problem, symbols, imports, names = unpacked(data)
        found = tuple(map(Symbol._make, symbols))
        return FileFacts(str(problem), found, tuple(imports), tuple(names.split("\n")) if names else ())
    except (ValueError, TypeError, AttributeError):
        return None
