"""Checks and branches that are missing: those of sibling functions, defaults for None, the other branch, recursion."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from covey.repair.donors import Piece
from covey.repair.kinds import callee_name
from covey.repair.near import closeness
from covey.repair.site import BUILTINS, Site
from covey.repair.templates.base import Proposals, Template
from covey.repair.templates.statements import is_docstring
from covey.repair.view import FUNCTIONS, Function

_MOST = 10
_JUMPS = (ast.Return, ast.Raise, ast.Break, ast.Continue)


@lru_cache(maxsize=512)
def parameters_of(function: Function) -> list[str]:
    """Positional parameters without ``self`` and ``cls``."""
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    return [name for name in names if name not in {"self", "cls"}]


def adapted(site: Site, piece: Piece) -> str | None:
    """Text of a piece with the parameters of its function exchanged for those here; None where names are missing."""
    if "self" in piece.reads and not site.self_name:
        return None
    lacking = piece.reads - site.bound
    if not lacking:
        return piece.text
    if piece.function is None or site.function is None or len(lacking) > 2:
        return None
    there, here = parameters_of(piece.function), parameters_of(site.function)
    text = piece.text
    for name in sorted(lacking):
        position = there.index(name) if name in there else len(here)
        if position >= len(here):
            return None
        text = re.sub(rf"\b{re.escape(name)}\b", here[position], text)
    return text


def _checks(site: Site) -> list[tuple[str, float]]:
    """Checks of sibling functions that may stand here, likeliest first."""
    function = site.function
    if function is None:
        return []
    own = {piece.text for piece in site.index.checks if piece.function is function}
    near = {node.id for node in ast.walk(site.statement) if isinstance(node, ast.Name)}
    found: dict[str, float] = {}
    for piece in site.index.checks:
        there = piece.function
        if there is None or there is function or piece.text in own:
            continue
        if site.loop is None and piece.text.endswith(("\n\tcontinue", "\n\tbreak")):
            continue
        text = adapted(site, piece)
        if text is None:
            continue
        beside = site.view.parents.get(there) is site.view.parents.get(function)
        shared = len(piece.reads & near - {"self"}) / max(1, len(piece.reads))
        weight = 0.3 + 0.3 * closeness(there.name, function.name) + 0.2 * beside + 0.15 * shared
        words = set(re.findall(r"[A-Za-z_]\w*", text))
        if any(known.loads == 0 and known.name in words for known in site.variables):
            weight += 0.5
        found[text] = min(1.6, max(found.get(text, 0.0) + 0.05, weight))
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:_MOST]


def check_of_sibling(site: Site, statement: ast.stmt) -> Proposals:
    """A check that sibling functions make and this one lacks."""
    if site.function is None or is_docstring(statement) or isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return
    checks = site.remember("checks", lambda: _checks(site))
    last = site.position == len(site.block) - 1 and not isinstance(statement, _JUMPS)
    for text, fit in checks:
        yield site.insert_before(statement, text.split("\n"), fit)
        if last:
            yield site.insert_after(statement, text.split("\n"), fit * 0.7)


def default_for_none(site: Site, statement: ast.stmt) -> Proposals:
    """A parameter that is None by default and never replaced."""
    function = site.function
    if function is None or is_docstring(statement) or site.block is not function.body:
        return
    if statement not in function.body[:2]:
        return
    arguments = function.args
    pairs = list(zip(reversed([*arguments.posonlyargs, *arguments.args]), reversed(arguments.defaults), strict=False))
    pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
    for argument, default in pairs:
        name = argument.arg
        if not (isinstance(default, ast.Constant) and default.value is None) or name in site.facts.stores:
            continue
        for value, fit in _defaults(site, name):
            yield site.insert_before(statement, [f"if {name} is None:", f"\t{name} = {value}"], fit)


def _defaults(site: Site, name: str) -> Iterator[tuple[str, float]]:
    asked = 1.3 if site.hints.none_used else 0.8
    for attribute, kind in site.attributes.items() if site.self_name else ():
        near = closeness(attribute, name)
        if kind != "func" and near > 0.45:
            yield f"{site.self_name}.{attribute}", asked * (0.4 + 0.6 * near)
    for constant in site.index.constants:
        near = closeness(constant.lower(), name)
        if near > 0.45:
            yield constant, asked * (0.4 + 0.6 * near)
    for value in ("0", '""', "1", "False", "True"):
        yield value, asked * 0.35


def missing_else(site: Site, statement: ast.If) -> Proposals:
    """The other branch of a condition."""
    if statement.orelse or len(statement.body) != 1 or site.function is None:
        return
    span, only = site.view.whole_lines(statement.body[-1]), statement.body[0]
    if span is None or not site.view.text[: span[1]].endswith("\n"):
        return
    indent, unit = site.view.indent(statement), site.view.unit
    options: list[tuple[str, float]] = []
    if isinstance(only, ast.Assign) and isinstance(only.targets[0], (ast.Name, ast.Attribute, ast.Subscript)):
        target = site.text(only.targets[0])
        for other in site.index.assignments[target]:
            reads = {n.id for n in ast.walk(other.value) if isinstance(n, ast.Name)}
            if other is not only and all(n in site.names or n in BUILTINS for n in reads):
                options.append((f"{target} = {site.text(other.value)}", 0.6))
        unread = [known.name for known in site.variables if known.loads == 0 and known.name != target]
        options += [(f"{target} = {name}", 1.1) for name in unread]
    elif isinstance(only, ast.Expr) and isinstance(only.value, ast.Call) and isinstance(only.value.func, ast.Attribute):
        holder = only.value.func.value
        rest = site.text(only.value)[len(site.text(holder)) :]
        kind, own = site.kind(holder), site.text(holder)
        options += [(k.name + rest, 1.0) for k in site.variables if kind and k.kind == kind and k.name != own]
    for text, fit in dict.fromkeys(options):
        if "\n" not in text:
            yield site.replace_lines((span[1], span[1]), f"{indent}else:\n{indent}{unit}{text}\n", fit)


_STEPS = {"list": "{}.extend({})", "set": "{}.update({})", "dict": "{}.update({})", "int": "{} += {}"}


def recursion(site: Site, statement: ast.stmt) -> Proposals:
    """A step into the parts of a nested value that is never taken."""
    function, loop = site.function, site.loop
    if function is None or not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name):
        return
    if site.position != len(site.block) - 1 or site.block is not loop.body or isinstance(statement, _JUMPS):
        return
    item, parameters = loop.target.id, parameters_of(function)
    method = bool(site.self_name) and site.method_class is site.parent(function)
    if not parameters and not method:
        return
    rest = ", ".join(parameters[1:])
    if parameters:
        callee = f"{site.self_name}.{function.name}" if method else function.name
        call = f"{callee}({item}{', ' + rest if rest else ''})"
        calls = [call, f"{item}.{function.name}({', '.join(parameters)})"] if method else [call]
    else:
        calls = [f"{item}.{function.name}()"]
    recursive = any(callee in site.text(n) for n in ast.walk(loop) if isinstance(n, ast.Call) for callee in calls)
    for text in [] if recursive else calls:
        if function in site.index.generators:
            yield site.insert_after(statement, [f"yield from {text}"], 0.9)
        for known in site.variables:
            if known.role != "local" or known.name == item:
                continue
            step = _STEPS.get(known.kind, "").format(known.name, text)
            if step:
                yield site.insert_after(statement, [step], 0.6)
        yield site.insert_after(statement, [text], 0.5)


def reset(site: Site, statement: ast.stmt) -> Proposals:
    """A value that should start anew in each turn of a loop."""
    loop = site.loop
    if loop is None or statement is not loop.body[0] or is_docstring(statement):
        return
    before = site.view.block_of(loop)
    changed = {n.id for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    for node in ast.walk(loop):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            changed.add(node.func.value.id)
    for earlier in before[: next((i for i, item in enumerate(before) if item is loop), 0)]:
        if not isinstance(earlier, ast.Assign) or not isinstance(earlier.targets[0], ast.Name):
            continue
        value = earlier.value
        empty = isinstance(value, ast.Constant) or not getattr(value, "elts", getattr(value, "keys", [1]))
        made = isinstance(value, ast.Call) and not value.args and callee_name(value) in {"list", "dict", "set"}
        if earlier.targets[0].id in changed and (empty or made):
            yield site.insert_before(statement, [site.text(earlier)], 1.0)


TEMPLATES = (
    Template("check-of-sibling", 0.4, "a check that sibling functions make was missing", (ast.stmt,), check_of_sibling),
    Template("default-for-none", 0.45, "a parameter that may be None was never given its default", (ast.stmt,),
             default_for_none),
    Template("missing-else", 0.35, "the other branch of a condition was missing", (ast.If,), missing_else),
    Template("missing-reset", 0.45, "a value was not set back in each turn of a loop", (ast.stmt,), reset),
    Template("missing-recursion", 0.4, "the parts of a nested value were not looked into", (ast.stmt,), recursion),
)  # fmt: skip
