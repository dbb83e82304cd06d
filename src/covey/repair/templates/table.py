"""All templates, family by family. A new family is a new module and one line here."""

from __future__ import annotations

import ast
from functools import lru_cache

from covey.repair.templates import (
    analogy,
    asyncs,
    bounds,
    branches,
    calls,
    classes,
    comprehensions,
    conditions,
    constants,
    containers,
    exceptions,
    guards,
    loops,
    names,
    operators,
    ordering,
    results,
    reuse,
    statements,
    steps,
    strings,
    texts,
    wrappers,
)
from covey.repair.templates.base import Template

TEMPLATES: tuple[Template, ...] = (
    *operators.TEMPLATES,
    *constants.TEMPLATES,
    *texts.TEMPLATES,
    *containers.TEMPLATES,
    *names.TEMPLATES,
    *calls.TEMPLATES,
    *wrappers.TEMPLATES,
    *reuse.TEMPLATES,
    *analogy.TEMPLATES,
    *branches.TEMPLATES,
    *bounds.TEMPLATES,
    *ordering.TEMPLATES,
    *conditions.TEMPLATES,
    *guards.TEMPLATES,
    *statements.TEMPLATES,
    *steps.TEMPLATES,
    *results.TEMPLATES,
    *loops.TEMPLATES,
    *exceptions.TEMPLATES,
    *strings.TEMPLATES,
    *comprehensions.TEMPLATES,
    *asyncs.TEMPLATES,
    *classes.TEMPLATES,
)

BY_NAME: dict[str, Template] = {template.name: template for template in TEMPLATES}


@lru_cache(maxsize=1024)
def _by_kind(name: str, least: float, below: float) -> tuple[Template, ...]:
    kind = getattr(ast, name)
    return tuple(t for t in TEMPLATES if least <= t.prior < below and issubclass(kind, t.kinds))


def templates_for(node: ast.AST, least: float = 0.0, below: float = 2.0) -> tuple[Template, ...]:
    """Templates that have something to say about nodes of the type of ``node``: ``least`` <= prior < ``below``."""
    return _by_kind(type(node).__name__, least, below)
