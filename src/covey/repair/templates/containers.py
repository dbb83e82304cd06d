"""Container literals: empty values, elements, items."""

from __future__ import annotations

import ast
from itertools import pairwise

from covey.repair.site import Site
from covey.repair.templates.base import Proposals, Template
from covey.repair.templates.quoting import is_docstring, quote

_EMPTY = {"list": "[]", "dict": "{}", "tuple": "()", "str": '""', "int": "0", "set": "set()", "float": "0.0"}


def empty(site: Site, node: ast.AST) -> Proposals:
    """Another empty value."""
    kind = site.kind(node)
    is_empty = (
        (isinstance(node, (ast.List, ast.Tuple)) and not node.elts)
        or (isinstance(node, ast.Dict) and not node.keys)
        or (isinstance(node, ast.Constant) and node.value in ("", 0) and not isinstance(node.value, bool))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args and not node.keywords
            and node.func.id in {"set", "list", "dict", "tuple"})
    )  # fmt: skip
    if not is_empty or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or is_docstring(site, node):
        return
    if isinstance(site.parent(node), (ast.JoinedStr, ast.FormattedValue, ast.BinOp, ast.Slice)):
        return
    for other, text in _EMPTY.items():
        if other != kind:
            related = {kind, other} <= {"list", "set", "tuple"} or {kind, other} <= {"dict", "set", "list"}
            yield site.swap(node, text, 0.9 if related else 0.4)
    yield site.swap(node, "None", 0.9)


def _list_gap(site: Site, items: list[ast.expr], index: int) -> tuple[int, int]:
    """Span of one element with the comma that goes with it."""
    start, end = site.view.span(items[index])
    if index + 1 < len(items):
        return start, site.view.span(items[index + 1])[0]
    if index:
        return site.view.span(items[index - 1])[1], end
    return start, end


def elements(site: Site, node: ast.AST) -> Proposals:
    """An element too many, missing, or in the wrong order."""
    items: list[ast.expr] = getattr(node, "elts", [])
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or not 0 < len(items) <= 12:
        return
    if isinstance(site.parent(node), ast.Subscript) and isinstance(node, ast.Tuple):
        return
    for left, right in pairwise(items):
        if site.text(left) != site.text(right):
            yield site.both(site.swap(left, site.text(right)), site.swap(right, site.text(left)))
    if len(items) > 2 or (len(items) == 2 and not isinstance(node, ast.Tuple)):
        for index in range(len(items)):
            yield site.splice(*_list_gap(site, items, index), "", 0.35)
    begin, end = site.view.span(items[0])[0], site.view.span(items[-1])[1]
    for text, fit in _missing(site, items)[:10]:
        yield site.splice(end, end, f", {text}", fit)
        yield site.splice(begin, begin, f"{text}, ", fit * 0.5)


def _missing(site: Site, items: list[ast.expr]) -> list[tuple[str, float]]:
    """Elements that may be missing from a list: variables that nobody reads, texts that the failure names."""
    kinds = {site.kind(i) for i in items} - {""}
    found = [
        (known.name, 1.0 if known.loads == 0 else 0.35)
        for known in site.variables
        if not kinds or not known.kind or known.kind in kinds
    ]
    if kinds == {"str"}:
        present = {i.value for i in items if isinstance(i, ast.Constant)}
        asked = [v for v in site.hints.expected() if isinstance(v, str) and len(v) < 60]
        asked += sorted(site.hints.keys)
        found += [(quote(text, site.text(items[0])), 0.5) for text in asked if text not in present]
    return found


def pairs(site: Site, node: ast.Dict) -> Proposals:
    """An item of a dictionary too many, missing, or with key and value of another."""
    keys = [key for key in node.keys if key is not None]
    if len(keys) != len(node.values) or not 0 < len(keys) <= 20:
        return
    for index in range(len(keys) - 1):
        left, right = node.values[index], node.values[index + 1]
        if site.text(left) != site.text(right):
            yield site.both(site.swap(left, site.text(right)), site.swap(right, site.text(left)), fit=0.8)
    for index, key in enumerate(keys):
        start = site.view.span(key)[0]
        if index + 1 < len(keys):
            stop = site.view.span(keys[index + 1])[0]
        else:
            stop = site.view.span(node.values[index])[1]
            start = site.view.span(node.values[index - 1])[1] if index else start
        yield site.splice(start, stop, "", 0.25)
    end = site.view.span(node.values[-1])[1]
    present = {k.value for k in keys if isinstance(k, ast.Constant)}
    names = [(k.name, k.name, 1.0 if k.loads == 0 else 0.3) for k in site.variables]
    if site.self_name:
        names += [(a, f"{site.self_name}.{a}", 0.3) for a, kind in site.attributes.items() if kind != "func"]
    for name, value, fit in names[:16]:
        if name not in present and any(isinstance(p, str) for p in present):
            boost = 2.0 if name in site.hints.keys else 1.0
            key_text = quote(name, next(site.text(k) for k in keys))
            yield site.splice(end, end, f", {key_text}: {value}", min(1.2, fit * boost))


TEMPLATES = (
    Template("empty-value", 0.35, "the wrong empty value was used",
             (ast.List, ast.Dict, ast.Tuple, ast.Constant, ast.Call), empty),
    Template("elements", 0.4, "elements were missing, superfluous or swapped", (ast.List, ast.Tuple, ast.Set),
        elements),
    Template("dictionary-items", 0.3, "items of a dictionary were missing, superfluous or swapped", (ast.Dict,), pairs),
)  # fmt: skip
