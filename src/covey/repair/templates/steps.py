"""Statements that are missing: steps, stores, calls of the base class, declarations."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from covey.repair.kinds import callee_name
from covey.repair.near import closeness
from covey.repair.site import Site
from covey.repair.templates.base import Proposals, Template
from covey.repair.templates.branches import adapted
from covey.repair.templates.statements import is_docstring
from covey.repair.view import FUNCTIONS


def _donors(site: Site) -> Iterator[tuple[str, float]]:
    """Yield statements of sibling functions, whose names are all bound here, with their likeness."""
    function = site.function
    if function is None:
        return
    own = {piece.text for piece in site.index.statements if piece.function is function}
    likeness: dict[ast.AST, float] = {}
    names = site.names
    found: dict[str, float] = {}
    for piece in site.index.statements:
        there = piece.function
        if there is None or (there is not function and piece.text in own):
            continue
        if piece.binds and piece.binds.isdisjoint(names):
            continue
        text = adapted(site, piece)
        if text is None or (text != piece.text and text in own):
            continue
        if there not in likeness:
            beside = site.view.parents.get(there) is site.view.parents.get(function)
            likeness[there] = 0.35 + 0.3 * closeness(there.name, function.name) + 0.2 * beside
        weight = likeness[there] * (0.6 if there is function else 1.0) * (1.2 if piece.call else 1.0)
        found[text] = max(found.get(text, 0.0), weight * (1.0 if text == piece.text else 0.8))
    yield from sorted(found.items(), key=lambda item: (-item[1], item[0]))[:10]


def missing_statement(site: Site, statement: ast.stmt) -> Proposals:
    """A statement that sibling functions have and this one lacks."""
    if site.function is None or is_docstring(statement) or isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return
    last = site.position == len(site.block) - 1
    for text, fit in _donors(site):
        yield site.insert_before(statement, [text], fit)
        if last and not isinstance(statement, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
            yield site.insert_after(statement, [text], fit * 0.9)


def _own_steps(site: Site) -> Iterator[tuple[str, float]]:
    """Yield updates of local variables and stores of parameters that nobody reads."""
    assert site.function is not None
    in_loop = site.loop is not None
    for known in site.variables:
        name = known.name
        if known.kind == "int" and in_loop and known.role == "local":
            yield from ((f"{name} += 1", 0.9), (f"{name} -= 1", 0.4), (f"{name} = 0", 0.3))
        elif known.kind in {"list", "set"} and known.role == "local":
            method = "append" if known.kind == "list" else "add"
            for other in site.variables:
                if other.name != name and other.role == "local" and other.kind not in {"list", "dict"}:
                    yield f"{name}.{method}({other.name})", 0.6 if in_loop else 0.4
        if site.self_name and known.loads == 0 and known.role == "parameter":
            yield f"self.{name} = {name}", 1.3 if site.function.name == "__init__" else 0.6
            if name not in site.attributes and f"_{name}" in site.attributes:
                yield f"self._{name} = {name}", 1.3


def _state_steps(site: Site) -> Iterator[tuple[str, float]]:
    """Yield updates of attributes of ``self``."""
    assert site.function is not None
    starts = site.function.name == "__init__"
    for attribute, kind in list(site.attributes.items())[:16]:
        if kind == "int":
            yield from ((f"self.{attribute} += 1", 0.5), (f"self.{attribute} -= 1", 0.4))
        if kind in {"list", "dict", "set"} and not starts:
            yield f"self.{attribute}.clear()", 0.25
    for missing in sorted(site.hints.attributes) if starts else ():
        if missing not in site.attributes or site.attributes[missing] == "":
            for value in (missing if missing in site.names else "None", "[]", "{}", "0", "False"):
                yield f"self.{missing} = {value}", 0.9


def missing_step(site: Site, statement: ast.stmt) -> Proposals:
    """The counter, the record or the state that was never updated."""
    if site.function is None or is_docstring(statement) or isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return
    last = site.position == len(site.block) - 1
    jump = isinstance(statement, (ast.Return, ast.Raise, ast.Break, ast.Continue))
    steps = list(_own_steps(site))
    if site.self_name and last:
        steps += _state_steps(site)
    for text, fit in steps[:24]:
        if last and not jump:
            yield site.insert_after(statement, [text], fit)
        if jump or site.position == 0:
            yield site.insert_before(statement, [text], fit)


def super_call(site: Site, statement: ast.stmt) -> Proposals:
    """A call of the base class that is missing."""
    function, cls = site.function, site.method_class
    if (
        function is None
        or cls is None
        or not cls.bases
        or site.parent(function) is not cls
        or site.block is not function.body
    ):
        return
    if site.position not in {0, 1, len(site.block) - 1} or any(
        callee_name(n) == "super" for n in ast.walk(function) if isinstance(n, ast.Call)
    ):
        return
    arguments = [a.arg for a in function.args.args[1:]]
    base = site.package.mro(cls.name)[1:]
    inherited = any(function.name in facts.methods for facts in base)
    fit = (1.2 if inherited or function.name == "__init__" else 0.4) * (1.2 if site.hints.attributes else 1)
    options = [arguments, []] if arguments else [[]]
    for facts in base:
        if function.name in facts.methods:
            wanted = [a.arg for a in facts.methods[function.name].args.args[1:]]
            options.insert(0, [a for a in wanted if a in arguments])
            break
    star = [f"*{function.args.vararg.arg}"] if function.args.vararg else []
    star += [f"**{function.args.kwarg.arg}"] if function.args.kwarg else []
    for index, option in enumerate(options):
        call = f"super().{function.name}({', '.join([*option, *star])})"
        if site.position <= 1 and not is_docstring(statement):
            yield site.insert_before(statement, [call], fit * (1 - index * 0.2))
        if site.position == len(site.block) - 1 and not isinstance(statement, ast.Return):
            yield site.insert_after(statement, [call], fit * 0.6 * (1 - index * 0.2))


def scope_declaration(site: Site, statement: ast.stmt) -> Proposals:
    """A missing ``global`` or ``nonlocal``."""
    function = site.function
    if function is None or statement is not function.body[0]:
        return
    outer = site.view.function_of(site.view.parents[function])
    for name in site.facts.stores:
        if name in site.facts.parameters:
            continue
        asked = 2.0 if name in site.hints.undefined else 0.5
        if outer is not None and (name in site.index.facts(outer).parameters or _stored_in(outer, name, function)):
            yield site.insert_before(statement, [f"nonlocal {name}"], asked)
        elif name in site.index.constants:
            yield site.insert_before(statement, [f"global {name}"], asked)


def _stored_in(outer: ast.AST, name: str, inner: ast.AST) -> bool:
    inside = set(ast.walk(inner))
    return any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) and n not in inside
        for n in ast.walk(outer)
    )


TEMPLATES = (
    Template("missing-statement", 0.35, "a statement was missing", (ast.stmt,), missing_statement),
    Template("missing-step", 0.4, "a value was never updated", (ast.stmt,), missing_step),
    Template("missing-super-call", 0.6, "the base class was not called", (ast.stmt,), super_call),
    Template("scope-declaration", 0.5, "an outer variable was shadowed", (ast.stmt,), scope_declaration),
)  # fmt: skip
