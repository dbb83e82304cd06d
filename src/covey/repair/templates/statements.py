"""Whole statements: superfluous, in the wrong order, in the wrong block."""

from __future__ import annotations

import ast

from covey.repair.site import Proposal, Site
from covey.repair.templates.base import Proposals, Template
from covey.repair.view import FUNCTIONS, View, blocks, indent_of


def is_docstring(statement: ast.AST) -> bool:
    """True for a string that stands alone."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def delete(site: Site, statement: ast.stmt) -> Proposals:
    """A statement too many."""
    if is_docstring(statement) or isinstance(
        statement, (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass)
    ):
        return
    span = site.view.whole_lines(statement)
    if span is None or site.is_elif(statement):
        return
    alone = len(site.block) == 1
    text = f"{site.view.indent(statement)}pass\n" if alone else ""
    fit = {ast.Expr: 0.6, ast.AugAssign: 0.6, ast.Assign: 0.5, ast.Return: 0.6, ast.Break: 0.9,
        ast.Continue: 0.8, ast.If: 0.5,
           ast.Raise: 0.4, ast.Delete: 0.7}.get(type(statement), 0.3)  # fmt: skip
    yield site.replace_lines(span, text, fit)


def unwrap_block(site: Site, statement: ast.stmt) -> Proposals:
    """A condition, loop or ``with`` around statements that should stand alone."""
    if not isinstance(statement, (ast.If, ast.With, ast.Try)) or site.is_elif(statement):
        return
    if isinstance(statement, (ast.If, ast.Try)) and (statement.orelse or getattr(statement, "finalbody", [])):
        chosen: list[list[ast.stmt]] = [statement.body, statement.orelse] if isinstance(statement, ast.If) else []
    else:
        chosen = [statement.body]
    span = site.view.whole_lines(statement)
    for block in chosen:
        moved = [site.view.reindented(item, site.view.indent(statement)) for item in block]
        if span is not None and all(m is not None for m in moved):
            yield site.replace_lines(span, "".join(m or "" for m in moved), 0.5)


def swap_neighbours(site: Site, statement: ast.stmt) -> Proposals:
    """Two statements in the wrong order."""
    block, at = site.block, site.position
    if at < 0 or at + 1 >= len(block) or is_docstring(statement):
        return
    for distance, fit in ((1, 1.0), (2, 0.5)):
        if at + distance >= len(block):
            break
        other = block[at + distance]
        first, second = site.view.whole_lines(statement), site.view.whole_lines(other)
        if first is None or second is None or isinstance(other, (*FUNCTIONS, ast.ClassDef)):
            continue
        mine = site.view.text[first[0] : first[1]]
        theirs = site.view.text[second[0] : second[1]]
        if not theirs.endswith("\n"):
            mine, theirs = mine.rstrip("\n"), theirs + "\n"
        dependent = 1.0 if _shares_names(statement, other) else 0.4
        yield Proposal(((*first, theirs), (*second, mine)), fit * dependent, wide=True)
        if distance == 2:  # one statement over the next two
            middle = site.view.text[first[1] : second[1]]
            middle = middle if middle.endswith("\n") else middle + "\n"
            whole = (first[0], second[1])
            yield site.replace_lines(whole, middle + mine.rstrip("\n") + "\n", 0.4 * dependent)


def _shares_names(left: ast.AST, right: ast.AST) -> bool:
    def names(node: ast.AST) -> set[str]:
        return {
            n.id if isinstance(n, ast.Name) else n.attr
            for n in ast.walk(node)
            if isinstance(n, (ast.Name, ast.Attribute))
        }

    return bool((names(left) & names(right)) - {"self"}) or isinstance(
        right, (ast.Return, ast.Raise, ast.Break, ast.Continue)
    )


def simultaneous(site: Site, statement: ast.Assign) -> Proposals:
    """Two assignments of which the second must not see the first."""
    if not 0 <= site.position < len(site.block) - 1:
        return
    other = site.block[site.position + 1]
    first, second = site.view.whole_lines(statement), site.view.whole_lines(other)
    if not isinstance(other, ast.Assign) or first is None or second is None:
        return
    simple = (ast.Name, ast.Attribute, ast.Subscript)
    targets = [*statement.targets, *other.targets]
    if (
        len(targets) == 2
        and all(isinstance(t, simple) for t in targets)
        and _shares_names(statement.targets[0], other.value)
    ):
        left = ", ".join(map(site.text, targets))
        right = ", ".join(map(site.text, (statement.value, other.value)))
        yield site.replace_lines((first[0], second[1]), f"{site.view.indent(statement)}{left} = {right}\n", 1.0)


def _moved(view: View, statement: ast.AST, indent: str) -> str | None:
    text = view.reindented(statement, indent)
    return text if text is None or text.endswith("\n") else text + "\n"


def dedent(site: Site, statement: ast.stmt) -> Proposals:
    """A statement that belongs after, or before, the block it stands in."""
    parent = site.parent(statement)
    span = site.view.whole_lines(statement)
    if (
        not isinstance(parent, (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try))
        or span is None
    ):
        return
    if site.is_elif(statement):
        return
    block, at = site.block, site.position
    outer = site.view.whole_lines(parent)
    text = _moved(site.view, statement, indent_of(site.view.source.line(parent.lineno)))
    if outer is None or text is None:
        return
    filler = f"{site.view.indent(statement)}pass\n" if len(block) == 1 else ""
    jump = isinstance(statement, (ast.Return, ast.Break, ast.Continue))
    if at == len(block) - 1:
        if outer[1] == span[1] and not filler:
            yield site.replace_lines(span, text if site.view.text[: span[1]].endswith("\n") else text.rstrip("\n"), 1.1)
        else:
            ends = "" if site.view.text[: outer[1]].endswith("\n") else "\n"
            yield Proposal(((*span, filler), (outer[1], outer[1], ends + text)), 0.8, wide=True)
    if at == 0 and not jump and len(block) > 1:
        above = site.view.source.line_start(parent.lineno)
        if not site.is_elif(parent):
            yield Proposal(((above, above, text), (*span, filler)), 0.9, wide=True)


def indent_into(site: Site, statement: ast.stmt) -> Proposals:
    """A statement that belongs into the block before, or after, it."""
    block, at = site.block, site.position
    span = site.view.whole_lines(statement)
    if at < 0 or span is None or isinstance(statement, (*FUNCTIONS, ast.ClassDef)) or is_docstring(statement):
        return
    if at > 0:
        holder: ast.AST = block[at - 1]
        depth = 1.0
        while isinstance(holder, (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try)):
            last_block = list(blocks(holder))[-1]
            inner = last_block[-1]
            text = _moved(site.view, statement, site.view.indent(inner))
            gap = site.view.text[site.view.span(holder)[1] : span[0]]
            if text and site.view.whole_lines(inner) and len(block) > at:
                kept = f"{site.view.indent(statement)}pass\n" if len(block) == 1 else ""
                if gap.strip():
                    end = (site.view.whole_lines(inner) or span)[1]
                    yield Proposal(((end, end, text), (*span, kept)), 0.5 * depth, wide=True)
                else:
                    yield site.replace_lines(span, text, depth)
            holder, depth = inner, depth * 0.8
    if at + 1 < len(block) and isinstance(block[at + 1], (ast.For, ast.While, ast.If, ast.With)):
        below = block[at + 1]
        first: ast.stmt = below.body[0]  # type: ignore[attr-defined]
        text = _moved(site.view, statement, site.view.indent(first))
        where = site.view.whole_lines(first)
        if text and where and not isinstance(statement, ast.Return):
            yield Proposal(((*span, ""), (where[0], where[0], text)), 0.8, wide=True)


TEMPLATES = (
    Template("simultaneous-assignment", 0.5, "a value was overwritten before it was used", (ast.Assign,), simultaneous),
    Template("delete-statement", 0.3, "a statement was superfluous", (ast.stmt,), delete),
    Template("unwrap-block", 0.25, "statements should not depend on a condition", (ast.If, ast.With, ast.Try),
        unwrap_block),
    Template("swap-statements", 0.4, "statements were in the wrong order", (ast.stmt,), swap_neighbours),
    Template("dedent-statement", 0.55, "a statement stood inside a block to which it does not belong",
        (ast.stmt,), dedent),
    Template("indent-statement", 0.5, "a statement stood outside the block to which it belongs", (ast.stmt,),
        indent_into),
)  # fmt: skip
