"""String literals as text."""

from __future__ import annotations

import ast

from covey.repair.site import Site


def is_docstring(site: Site, node: ast.AST) -> bool:
    """True for a string that stands alone as a statement."""
    return isinstance(site.parent(node), ast.Expr)


def quote(value: str, like: str) -> str:
    """Write a string literal with the quotation marks of ``like``."""
    written = repr(value)
    mark = '"' if like.rstrip().endswith('"') else "'"
    if written[0] != mark and mark not in value and "\\" not in written:
        return mark + written[1:-1] + mark
    if written[0] != mark and mark not in value:
        return mark + written[1:-1].replace("\\'", "'") + mark
    return written


def is_piece(site: Site, node: ast.AST) -> bool:
    """True for a literal that is part of a formatted string: it has no span of its own before Python 3.12."""
    return isinstance(site.parent(node), (ast.JoinedStr, ast.FormattedValue))
