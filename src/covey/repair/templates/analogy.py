"""What is done for one name and was forgotten for its sibling: fields, parameters, parts, statements."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from covey.repair.kinds import callee_name, compatible
from covey.repair.site import Site
from covey.repair.templates.base import Proposals, Template

_MOST_NAMES = 6
_LONGEST = 120
_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.If, ast.Delete, ast.Assert)


def _mentioned(site: Site) -> frozenset[str]:
    """Attribute names that the enclosing function mentions."""
    return site.remember(
        "mentioned",
        lambda: frozenset(n.attr for n in ast.walk(site.function or site.statement) if isinstance(n, ast.Attribute)),
    )


def _forgotten(site: Site) -> list[tuple[str, str, bool, float]]:
    """Names that were left out: (name, kind, whether an attribute, fit). Unread variables, then unmentioned fields."""
    if site.function is None:
        return []
    found = [(k.name, k.kind, False, 1.3) for k in site.variables if k.loads == 0 and k.role == "parameter"]
    found += [(k.name, k.kind, False, 1.0) for k in site.variables if k.loads == 0 and k.role == "local"]
    mentioned = _mentioned(site)
    own = [name for name, kind in site.attributes.items() if kind != "func" and not name.startswith("__")]
    if any(name in mentioned for name in own):
        found += [(name, site.attributes[name], True, 0.8) for name in own if name not in mentioned]
    return found[:_MOST_NAMES]


def _names(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the names below a node and whether each is an attribute."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id, False
        elif isinstance(inner, ast.Attribute):
            yield inner.attr, True


def _analogues(site: Site, node: ast.AST) -> Iterator[tuple[str, float]]:
    """Yield the text of ``node`` said of a forgotten name."""
    text = site.text(node)
    if len(text) > _LONGEST:
        return
    there = dict.fromkeys(_names(node))
    variables = {known.name for known in site.variables}
    for name, kind, attribute, fit in _forgotten(site):
        if re.search(rf"\b{name}\b", text):
            continue
        for old, is_attribute in there:
            held = site.attributes.get(old, "") if is_attribute else site.lookup(old)
            known = (is_attribute and old in site.attributes) if attribute else (is_attribute or old in variables)
            if not known or (attribute and not is_attribute) or held == "func" or not compatible(held, kind):
                continue
            if not attribute and is_attribute and old not in variables and f"{old} = {old}" not in text:
                continue
            yield re.sub(rf"\b{re.escape(old)}\b", name, text), fit


def forgotten_element(site: Site, node: ast.AST) -> Proposals:
    """An element or a part of a condition that is there for other names."""
    joint, parts = ", ", []
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        parts = list(node.elts) if len(node.elts) > 1 or not isinstance(node, ast.Tuple) else []
    elif isinstance(node, ast.BoolOp):
        joint, parts = (" and " if isinstance(node.op, ast.And) else " or "), list(node.values)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and not isinstance(site.parent(node), ast.BoolOp):
        if isinstance(node.ops[0], (ast.Eq, ast.NotEq)) and isinstance(site.parent(node), (ast.Return, ast.If)):
            joint, parts = (" and " if isinstance(node.ops[0], ast.Eq) else " or "), [node]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mult)):
        joint, parts = (" + " if isinstance(node.op, ast.Add) else " * "), [node.right]
    for part in parts[-8:]:
        end, share = site.view.span(part)[1], 1.0 if part is parts[-1] else 0.7
        for text, fit in dict.fromkeys(_analogues(site, part)):
            yield site.splice(end, end, f"{joint}{text}", fit * share)
            if part is parts[0] and part is not node:
                start = site.view.span(part)[0]
                yield site.splice(start, start, f"{text}{joint}", fit * 0.6)


def forgotten_item(site: Site, node: ast.Dict) -> Proposals:
    """An item of a dictionary that is there for other names."""
    for key, value in list(zip(node.keys, node.values, strict=True))[-6:]:
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            continue
        old = next((name for name, _ in _names(value) if name.strip("_") == key.value), "")
        end = site.view.span(value)[1]
        written = f"{site.text(key)}: {site.text(value)}"
        for name, kind, attribute, fit in _forgotten(site) if old else ():
            if attribute == (old in site.attributes) and compatible(site.lookup(old), kind):
                text = re.sub(rf"\b{re.escape(old)}\b", name, written)
                if text != written:
                    yield site.splice(end, end, f", {text}", fit)


def forgotten_statement(site: Site, statement: ast.stmt) -> Proposals:
    """A statement that is there for other names."""
    if site.function is None or not isinstance(statement, _SIMPLE) or site.is_elif(statement):
        return
    span = site.view.whole_lines(statement)
    if span is None or (isinstance(statement, ast.If) and (statement.orelse or len(statement.body) > 1)):
        return
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return
    text = site.view.text[slice(*span)]
    if not text.endswith("\n") or text.count("\n") > 3:
        return
    start, end = site.view.span(statement)
    head, tail = text[: start - span[0]], text[end - span[0] :]
    for changed, fit in _analogues(site, statement):
        yield site.replace_lines((span[1], span[1]), head + changed + tail, fit)


def forwarded(site: Site, call: ast.Call) -> Proposals:
    """A parameter that should be passed on and is read nowhere."""
    if site.function is None or any(isinstance(a, ast.Starred) for a in call.args):
        return
    name = callee_name(call)
    if not name or any(k.arg is None for k in call.keywords) or name == "super":
        return
    signatures = site.package.signatures.get(name, [])
    parts: list[ast.AST] = [*call.args, *call.keywords]
    end = max((site.view.span(part)[1] for part in parts), default=site.view.span(call)[1] - 1)
    comma = ", " if parts else ""
    for known in site.variables:
        if known.loads or known.role != "parameter" or known.kind in {"func", "class"}:
            continue
        takes = not signatures or any(s.open or known.name in s.names for s in signatures)
        fit = 1.2 if signatures and takes else 0.7 if takes else 0.0
        if known.name not in {k.arg for k in call.keywords}:
            yield site.splice(end, end, f"{comma}{known.name}={known.name}", fit)
        if not call.keywords:
            yield site.splice(end, end, f"{comma}{known.name}", fit)


TEMPLATES = (
    Template("forgotten-part", 0.45, "a part was there for some names and forgotten for their sibling",
             (ast.Tuple, ast.List, ast.Set, ast.BoolOp, ast.Compare, ast.BinOp), forgotten_element),
    Template("forgotten-item", 0.4, "an item was there for some names and forgotten for their sibling", (ast.Dict,),
             forgotten_item),
    Template("forgotten-statement", 0.45, "a step was taken for some names and forgotten for their sibling",
             (ast.stmt,), forgotten_statement),
    Template("forwarded-parameter", 0.45, "a parameter was not passed on", (ast.Call,), forwarded),
)  # fmt: skip
