"""What a template is."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from covey.repair.site import Proposal, Site

Proposals = Iterator[Proposal | None]


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of repair.

    ``build`` proposes edits for one node of a type in ``kinds``. ``prior`` (0..1) says how often faults of this kind
    are met in general: published counts of simple bugs (ManySStuBs4J, PySStuBs, BugsInPy) give the order of families,
    the breadth of a template lowers it. ``explanation`` completes "The fault:" for a person.
    """

    name: str
    prior: float
    explanation: str
    kinds: tuple[type[ast.AST], ...]
    build: Callable[[Site, Any], Proposals]
