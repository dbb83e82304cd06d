"""Calls around a value or after it: conversions, helpers, links of a chain."""

from __future__ import annotations

import ast

from covey.repair.kinds import callee_name
from covey.repair.site import Site
from covey.repair.templates.base import Proposals, Template

_WRAPPERS: dict[str, tuple[tuple[str, float], ...]] = {
    "": (("str", 0.5), ("int", 0.5), ("list", 0.45), ("len", 0.35), ("float", 0.3), ("abs", 0.3), ("sorted", 0.35),
         ("tuple", 0.25), ("set", 0.3), ("dict", 0.25), ("bool", 0.25), ("reversed", 0.2), ("repr", 0.15)),
    "int": (("str", 0.6), ("abs", 0.6), ("float", 0.4), ("range", 0.4), ("round", 0.15), ("bool", 0.2)),
    "float": (("int", 0.6), ("round", 0.6), ("abs", 0.5), ("str", 0.4)),
    "str": (("int", 0.6), ("list", 0.35), ("len", 0.5), ("float", 0.4), ("repr", 0.35), ("sorted", 0.2)),
    "bytes": (("len", 0.4), ("bytearray", 0.1)),
    "list": (("sorted", 0.6), ("set", 0.5), ("list", 0.6), ("tuple", 0.5), ("len", 0.6), ("reversed", 0.5),
        ("sum", 0.4),
             ("enumerate", 0.3), ("max", 0.2), ("min", 0.2)),
    "tuple": (("list", 0.6), ("set", 0.4), ("len", 0.4), ("sorted", 0.4)),
    "set": (("sorted", 0.8), ("list", 0.7), ("len", 0.5), ("frozenset", 0.3)),
    "dict": (("dict", 0.6), ("list", 0.5), ("sorted", 0.5), ("len", 0.4)),
    "iter": (("list", 0.9), ("sorted", 0.6), ("tuple", 0.5), ("set", 0.5), ("sum", 0.3), ("dict", 0.4),
        ("reversed", 0.3)),
}  # fmt: skip
_SUFFIXES: dict[str, tuple[tuple[str, float], ...]] = {
    "str": ((".strip()", 0.8), (".lower()", 0.8), (".upper()", 0.5), (".split()", 0.4), (".encode()", 0.4),
            (".rstrip()", 0.4), (".lstrip()", 0.2), (".title()", 0.1), (".splitlines()", 0.2), (".casefold()", 0.2)),
    "bytes": ((".decode()", 0.9), (".hex()", 0.3)),
    "dict": ((".items()", 0.8), (".values()", 0.8), (".keys()", 0.3), (".copy()", 0.8)),
    "list": ((".copy()", 0.7),),
    "set": ((".copy()", 0.7),),
    "": ((".strip()", 0.35), (".lower()", 0.35), (".items()", 0.35), (".values()", 0.3), (".copy()", 0.35),
        (".upper()", 0.15),
         (".split()", 0.15), (".encode()", 0.15), (".decode()", 0.2), (".total_seconds()", 0.05)),
}  # fmt: skip


def unwrap(site: Site, call: ast.Call) -> Proposals:
    """A call too many around a value, or in a chain of calls."""
    if isinstance(call.func, ast.Name) and call.args and not isinstance(call.args[0], ast.Starred):
        conversion = call.func.id in {w for row in _WRAPPERS.values() for w, _ in row}
        if not isinstance(site.parent(call), ast.Expr):
            yield site.swap(call, site.text(call.args[0]), 0.8 if conversion else 0.4)
    elif isinstance(call.func, ast.Attribute) and not isinstance(site.parent(call), ast.Expr):
        if site.kind(call.func.value) != "module" and site.text(call.func.value) not in {"self", "cls", "super()"}:
            yield site.swap(call, site.text(call.func.value), 0.7 if not call.args else 0.35)
        if call.args and len(call.args) == 1 and not isinstance(call.args[0], ast.Starred):
            yield site.swap(call, site.text(call.args[0]), 0.3)


def _marks(site: Site) -> list[str]:
    """Separators that the enclosing function uses, as written."""
    found = [
        site.text(node)
        for node in ast.walk(site.function or site.statement)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and 0 < len(node.value) <= 2
    ]
    return [text for text in dict.fromkeys(found) if text[:1] in "'\"" and not text[1:2].isalnum()][:2]


def wrap(site: Site, node: ast.AST) -> Proposals:
    """A conversion or another call that is missing around a value or after it."""
    parent = site.parent(node)
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or isinstance(node, (ast.Constant, ast.UnaryOp)):
        return
    if isinstance(node, ast.Name) and (
        site.names.get(node.id) is None or site.names[node.id].kind in {"func", "class", "module"}
    ):
        return
    if isinstance(parent, (ast.Attribute, ast.Call)) and node is getattr(
        parent, "func", getattr(parent, "value", None)
    ):
        return
    if isinstance(parent, (ast.arg, ast.AnnAssign, ast.Starred, ast.Await, ast.Expr, ast.Delete)):
        return
    if isinstance(parent, ast.Subscript) and node is parent.value:
        return
    kind = site.kind(node)
    asked = 1.4 if site.hints.wrong_operands and isinstance(parent, (ast.BinOp, ast.JoinedStr)) else 1.0
    place = (
        1.0 if isinstance(parent, (ast.Return, ast.Call, ast.Assign, ast.For, ast.comprehension, ast.keyword)) else 0.7
    )
    own = callee_name(node) if isinstance(node, ast.Call) else ""
    for function, fit in _WRAPPERS.get(kind, ()):
        if function != own and not (isinstance(parent, ast.Call) and callee_name(parent) == function):
            yield site.swap(node, f"{function}({site.text(node)})", fit * place * asked)
    if kind in {"int", "float"}:
        yield site.swap(node, f"max(0, {site.text(node)})", 0.25 * place)
    if isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.JoinedStr)):
        for mark in _marks(site) if kind == "str" else ():
            for method, fit in (("rstrip", 0.5), ("strip", 0.5), ("lstrip", 0.3)):
                yield site.swap(node, f"{site.text(node)}.{method}({mark})", fit * place)
        for suffix, fit in _SUFFIXES.get(kind, ()):
            if not own or own != suffix[1:-2]:
                yield site.swap(node, site.text(node) + suffix, fit * place)


def local_wrap(site: Site, node: ast.AST) -> Proposals:
    """A helper of the same file that is called around like values elsewhere."""
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or not isinstance(
        node, (ast.Name, ast.Attribute, ast.Subscript)
    ):
        return
    parent = site.parent(node)
    if isinstance(parent, (ast.Attribute, ast.Expr, ast.Starred, ast.arg, ast.AnnAssign)) or node is getattr(
        parent, "func", None
    ):
        return
    if site.kind(node) in {"func", "class", "module"} or site.text(node) in {"self", "cls"}:
        return
    options: list[tuple[float, str]] = []
    for name, found in site.index.signatures.items():
        if name.startswith("__") or not any(s.required <= 1 <= len(s.positional) for s in found):
            continue
        if site.function is not None and name == site.function.name:
            continue
        if name in site.index.globals:
            options.append((0.4 + (0.3 if site.facts.loads[name] else 0) + 0.2 * (site.index.loads[name] <= 1), name))
        elif site.self_name and site.attributes.get(name) == "func":
            used = site.index.attributes["self"][name]
            options.append((0.35 + 0.25 * (used <= 1), f"{site.self_name}.{name}"))
    for fit, name in sorted(options, key=lambda o: (-o[0], o[1]))[:8]:
        if not (isinstance(parent, ast.Call) and site.text(parent.func) == name):
            yield site.swap(node, f"{name}({site.text(node)})", fit)


TEMPLATES = (
    Template("extra-call", 0.4, "a call was superfluous", (ast.Call,), unwrap),
    Template("missing-call", 0.35, "a conversion or call was missing", (ast.expr,), wrap),
    Template("missing-helper", 0.3, "a helper was not called", (ast.expr,), local_wrap),
)  # fmt: skip
