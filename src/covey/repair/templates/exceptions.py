"""Exceptions: raised, caught, swallowed, missing."""

from __future__ import annotations

import ast
import builtins

from covey.repair.kinds import callee_name
from covey.repair.near import closeness
from covey.repair.site import Proposal, Site
from covey.repair.templates.base import Proposals, Template

_NEAR: dict[str, tuple[str, ...]] = {
    "KeyError": ("IndexError", "LookupError", "AttributeError", "ValueError", "TypeError"),
    "IndexError": ("KeyError", "LookupError", "ValueError", "TypeError"),
    "ValueError": ("TypeError", "KeyError", "IndexError", "AttributeError", "UnicodeDecodeError"),
    "TypeError": ("ValueError", "AttributeError", "KeyError"),
    "AttributeError": ("KeyError", "TypeError", "NameError"),
    "OSError": ("FileNotFoundError", "PermissionError", "ValueError"),
    "IOError": ("OSError", "FileNotFoundError", "ValueError"),
    "FileNotFoundError": ("OSError", "NotADirectoryError"),
    "ImportError": ("ModuleNotFoundError", "AttributeError"),
    "ZeroDivisionError": ("ArithmeticError", "ValueError", "TypeError"),
    "StopIteration": ("IndexError", "ValueError", "RuntimeError"),
    "RuntimeError": ("ValueError", "NotImplementedError", "TypeError"),
    "NotImplementedError": ("TypeError", "ValueError", "RuntimeError"),
    "Exception": ("ValueError", "TypeError", "KeyError", "RuntimeError"),
    "AssertionError": ("ValueError", "TypeError"),
    "TimeoutError": ("OSError",),
    "UnicodeDecodeError": ("UnicodeError", "ValueError"),
}


def is_exception(name: str) -> bool:
    """True for the name of a built-in exception."""
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)


def known(site: Site) -> list[str]:
    """Exception classes that are defined, imported, raised or caught in the file."""
    found = [n for n in site.index.globals if n.endswith(("Error", "Exception", "Warning", "Exit", "Interrupt"))]
    found += [n for n in site.index.loads if is_exception(n)]
    for name in site.index.globals:
        if any(base.endswith(("Error", "Exception")) for facts in site.package.mro(name) for base in facts.bases):
            found.append(name)
    return list(dict.fromkeys(found))


def _usable(site: Site, name: str) -> bool:
    return is_exception(name) or name in site.names


def raised(site: Site, statement: ast.Raise) -> Proposals:
    """Another exception."""
    raised_node = statement.exc
    start, end = site.view.span(statement)
    if raised_node is None:
        return
    node = raised_node.func if isinstance(raised_node, ast.Call) else raised_node
    name = site.text(node)
    options = dict.fromkeys(_NEAR.get(name, ("ValueError", "TypeError", "KeyError")), 0.6)
    options.update({n: 0.6 + 0.3 * closeness(n, name) for n in known(site)})
    options.update(dict.fromkeys(site.hints.not_raised, 1.6))
    for new, fit in sorted(options.items(), key=lambda o: (-o[1], o[0])):
        if new != name and _usable(site, new):
            yield site.swap(node, new, fit)
    if statement.cause is None:
        for ancestor in site.view.ancestors(statement):
            if isinstance(ancestor, ast.ExceptHandler):
                yield site.splice(end, end, f" from {ancestor.name or 'None'}", 0.4)
                yield site.swap_statement("raise", 0.5)
    if isinstance(raised_node, ast.Call):
        yield site.splice(start, start + 5, "return", 0.3)


def caught(site: Site, handler: ast.ExceptHandler) -> Proposals:
    """Other exceptions to catch: the one that got away, nearer or wider ones."""
    if handler.type is None:
        return
    now = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = [site.text(n) for n in now]
    escaped = [
        t
        for t in sorted(site.hints.types)
        if t not in names and _usable(site, t) and t not in {"AssertionError", "Failed"}
    ]
    options: dict[str, float] = dict.fromkeys(escaped, 1.6)
    for name in names:
        for other in _NEAR.get(name, ("ValueError", "TypeError", "KeyError", "AttributeError", "IndexError")):
            options.setdefault(other, 0.7)
    for other in known(site):
        options.setdefault(other, 0.6)
    for other, fit in options.items():
        if other in names or not _usable(site, other):
            continue
        yield site.swap(handler.type, f"({', '.join([*names, other])})", fit)
        if len(names) == 1:
            yield site.swap(handler.type, other, fit * 0.9)
    if len(names) > 1:
        for index in range(len(names)):
            rest = names[:index] + names[index + 1 :]
            yield site.swap(handler.type, rest[0] if len(rest) == 1 else f"({', '.join(rest)})", 0.6)
    if names != ["Exception"]:
        yield site.swap(handler.type, "Exception", 0.5)


def swallowed(site: Site, statement: ast.stmt) -> Proposals:
    """An exception that was swallowed."""
    handler = site.parent(statement)
    if not isinstance(handler, ast.ExceptHandler) or not isinstance(
        statement, (ast.Pass, ast.Return, ast.Continue, ast.Expr)
    ):
        return
    if isinstance(statement, ast.Expr):
        if statement is handler.body[-1]:
            yield site.insert_after(statement, ["raise"], 0.9)
        return
    yield site.swap_statement("raise", 1.2 if site.hints.not_raised else 0.7)
    for name in site.hints.not_raised:
        if _usable(site, name):
            cause = f" from {handler.name}" if handler.name else ""
            yield site.swap_statement(f"raise {name}(){cause}", 1.0)
    if isinstance(statement, ast.Pass) and site.function is not None:
        for value in dict.fromkeys([*map(site.text, site.returns), "None", "False", "[]", "0"]):
            if len(value) < 30 and "\n" not in value:
                yield site.swap_statement(f"return {value}", 0.5)


def wrap_in_try(site: Site, statement: ast.stmt) -> Proposals:
    """An exception that should have been caught where it comes from."""
    if (
        not isinstance(statement, (ast.Assign, ast.Expr, ast.Return))
        or site.function is None
        or statement is not site.statement
    ):
        return
    crash = (site.view.path, statement.lineno) in site.hints.crashes
    types = [
        t
        for t in sorted(site.hints.types)
        if is_exception(t) and t not in {"AssertionError", "SyntaxError", "NameError", "ImportError"}
    ]
    span = site.view.whole_lines(statement)
    indent = site.view.indent(statement)
    inner = site.view.reindented(statement, indent + site.view.unit)
    if not crash or span is None or inner is None:
        return
    leaves = ["return None", "pass"] if site.loop is None else ["continue", "pass"]
    leaves += [f"return {site.text(v)}" for v in site.returns if isinstance(v, ast.Constant)]
    leaves += [f"return {e!r}" for e in site.hints.expected() if len(repr(e)) < 12]
    for name in types[:2]:
        for leave in dict.fromkeys(leaves):
            text = f"{indent}try:\n{inner}{indent}except {name}:\n{indent}{site.view.unit}{leave}\n"
            yield site.replace_lines(span, text, 0.6)


def raise_or_return(site: Site, statement: ast.Return) -> Proposals:
    """An error that was returned instead of raised, or a wrong value that was returned instead of an error."""
    start, _ = site.view.span(statement)
    value = statement.value
    if isinstance(value, ast.Call) and (callee_name(value) in known(site) or is_exception(callee_name(value))):
        yield site.splice(start, start + 6, "raise", 2.0)
    if value is None or isinstance(value, (ast.Constant, ast.Name)):
        for name in site.hints.not_raised:
            if _usable(site, name):
                yield site.swap_statement(f'raise {name}("invalid value")', 1.3)
                for other in site.variables[:1]:
                    yield site.swap_statement(f"raise {name}({other.name})", 0.6)


def move_from_try(site: Site, statement: ast.stmt) -> Proposals:
    """A clean-up that must also run after an error, or a step that must only run without one."""
    holder = site.parent(statement)
    if not isinstance(holder, ast.Try) or statement is not holder.body[-1] or len(holder.body) < 2 or holder.orelse:
        return
    span, end = site.view.whole_lines(statement), site.view.whole_lines(holder)
    if span is None or end is None:
        return
    text = site.view.text[span[0] : span[1]]
    indent = site.view.indent(holder)
    if not holder.finalbody:
        yield Proposal(((*span, ""), (end[1], end[1], f"{indent}finally:\n{text}")), 0.7, wide=True)
    if holder.handlers:
        last = site.view.whole_lines(holder.handlers[-1].body[-1])
        if last:
            yield Proposal(((*span, ""), (last[1], last[1], f"{indent}else:\n{text}")), 0.6, wide=True)


def finally_after_with(site: Site, statement: ast.stmt) -> Proposals:
    """A clean-up after a block that is skipped when the block fails."""
    if site.position < 1 or not isinstance(statement, ast.Expr):
        return
    before = site.block[site.position - 1]
    span, lines = site.view.whole_lines(before), site.view.whole_lines(statement)
    indent = site.view.indent(statement)
    inner = site.view.reindented(before, indent + site.view.unit)
    after = site.view.reindented(statement, indent + site.view.unit)
    if span and lines and inner and after and not isinstance(before, (ast.Import, ast.ImportFrom, ast.FunctionDef)):
        yield site.replace_lines((span[0], lines[1]), f"{indent}try:\n{inner}{indent}finally:\n{after}", 0.5)


TEMPLATES = (
    Template("raised-type", 0.55, "the wrong exception was raised", (ast.Raise,), raised),
    Template("caught-type", 0.6, "the wrong exceptions were caught", (ast.ExceptHandler,), caught),
    Template("swallowed-exception", 0.55, "an exception was swallowed", (ast.stmt,), swallowed),
    Template("uncaught-exception", 0.25, "an exception was not caught", (ast.stmt,), wrap_in_try),
    Template("raise-or-return", 0.6, "an error was returned instead of raised", (ast.Return,), raise_or_return),
    Template("clean-up", 0.3, "a step ran in the wrong part of a `try`", (ast.stmt,), move_from_try),
    Template("missing-finally", 0.2, "a clean-up was skipped after an error", (ast.Expr,), finally_after_with),
)  # fmt: skip
