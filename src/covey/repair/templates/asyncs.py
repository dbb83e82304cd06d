"""Coroutines, asynchronous blocks and context managers."""

from __future__ import annotations

import ast

from covey.repair.kinds import callee_name
from covey.repair.site import Site
from covey.repair.templates.base import Proposals, Template

_STARTED = frozenset({"gather", "create_task", "wait_for", "wait", "ensure_future", "shield"})
_AWAITED = frozenset({"sleep", "gather", "wait", "wait_for", "acquire", "aclose", "drain", "read", "readline",
    "put", "get",
                      "join", "start_server", "open_connection", "to_thread", "run_in_executor", "send",
                          "recv"})  # fmt: skip


def missing_await(site: Site, call: ast.Call) -> Proposals:
    """A coroutine that was never awaited."""
    if not site.is_async or isinstance(site.parent(call), ast.Await):
        return
    name = callee_name(call)
    known = name in site.package.async_names or (name in _AWAITED and isinstance(call.func, ast.Attribute))
    if known or site.hints.coroutine:
        fit = (1.8 if name in site.package.async_names else 0.8) * (1.2 if site.hints.coroutine else 1.0)
        parent = site.parent(call)
        if isinstance(parent, ast.Call) and callee_name(parent) in _STARTED:
            fit *= 0.3
        yield site.swap(call, f"await {site.text(call)}", fit)


def extra_await(site: Site, node: ast.Await) -> Proposals:
    """A value that is no coroutine, or one that should be started and not waited for."""
    yield site.swap(node, site.text(node.value), 1.0)
    if "asyncio" in site.names:
        yield site.swap(node, f"asyncio.create_task({site.text(node.value)})", 0.4)


def blocks(site: Site, node: ast.AST) -> Proposals:
    """``async with`` for ``with`` and so on."""
    start = site.view.span(node)[0]
    if isinstance(node, (ast.With, ast.For)) and site.is_async:
        yield site.splice(start, start, "async ", 1.2)
    elif isinstance(node, (ast.AsyncWith, ast.AsyncFor)):
        yield site.splice(start, start + len("async "), "", 0.8)


def comprehension(site: Site, node: ast.AST) -> Proposals:
    """``async for`` in a comprehension, and awaited elements."""
    if not site.is_async or not isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        return
    generator = node.generators[0]
    if not generator.is_async:
        target = site.view.span(generator.target)[0]
        at = site.view.text.rfind("for", site.view.span(node.elt)[1], target)
        if at > 0:
            yield site.splice(at, at, "async ", 0.8)


def coroutine_function(site: Site, node: ast.AST) -> Proposals:
    """``async def`` for ``def`` and back."""
    start = site.view.span(node)[0]
    if isinstance(node, ast.AsyncFunctionDef):
        if not any(isinstance(n, (ast.Await, ast.AsyncWith, ast.AsyncFor)) for n in ast.walk(node)):
            yield site.splice(start, start + len("async "), "", 0.8)
    elif isinstance(node, ast.FunctionDef) and ("await" in site.hints.message or site.package.async_names):
        yield site.splice(start, start, "async ", 1.2 if "await" in site.hints.message else 0.3)


def blocking(site: Site, call: ast.Call) -> Proposals:
    """A call that blocks the event loop."""
    if site.is_async and site.text(call.func) == "time.sleep" and "asyncio" in site.names:
        yield site.swap(call, f"await asyncio.sleep({', '.join(map(site.text, call.args))})", 1.5)


def one_by_one(site: Site, statement: ast.Return) -> Proposals:
    """Coroutines that are given back unawaited."""
    value = statement.value
    if site.is_async and isinstance(value, (ast.ListComp, ast.Name)) and "asyncio" in site.names:
        yield site.swap(value, f"await asyncio.gather(*{site.text(value)})", 0.9 if site.hints.coroutine else 0.4)
        yield site.swap(value, f"list(await asyncio.gather(*{site.text(value)}))", 0.7 if site.hints.coroutine else 0.3)


def within(site: Site, statement: ast.stmt) -> Proposals:
    """A statement that needs the lock or context that sibling methods use."""
    if not site.self_name or not isinstance(
        statement, (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.If, ast.For)
    ):
        return
    if any(isinstance(a, (ast.With, ast.AsyncWith)) for a in site.view.ancestors(statement)):
        return
    headers = site.index.contexts[site.method_class]
    if not headers:
        return
    span, unit = site.view.whole_lines(statement), site.view.unit
    inner = site.view.reindented(statement, site.view.indent(statement) + unit)
    if span is None or inner is None:
        return
    indent = site.view.indent(statement)
    for text, is_async in list(headers.items())[:2]:
        if not is_async or site.is_async:
            yield site.replace_lines(span, f"{indent}{'async ' if is_async else ''}with {text}:\n{inner}", 0.6)
            if site.block[0] is statement or site.position == 1:
                rest = site.block[site.position :]
                moved = [site.view.reindented(item, indent + unit) for item in rest]
                last = site.view.whole_lines(rest[-1])
                if last and all(moved) and len(rest) > 1:
                    body = "".join(m or "" for m in moved)
                    yield site.replace_lines(
                        (span[0], last[1]), f"{indent}{'async ' if is_async else ''}with {text}:\n{body}", 0.6
                    )


TEMPLATES = (
    Template("missing-await", 0.7, "a coroutine was never awaited", (ast.Call,), missing_await),
    Template("extra-await", 0.4, "something was awaited that should not be", (ast.Await,), extra_await),
    Template("async-block", 0.5, "the wrong kind of block was used in a coroutine",
             (ast.With, ast.For, ast.AsyncWith, ast.AsyncFor), blocks),
    Template("async-comprehension", 0.4, "a comprehension ran over an asynchronous iterator",
             (ast.ListComp, ast.SetComp, ast.GeneratorExp), comprehension),
    Template("coroutine-function", 0.3, "a function should be a coroutine, or should not",
             (ast.FunctionDef, ast.AsyncFunctionDef), coroutine_function),
    Template("blocking-call", 0.6, "a call blocked the event loop", (ast.Call,), blocking),
    Template("ungathered", 0.4, "coroutines were returned without being awaited", (ast.Return,), one_by_one),
    Template("missing-context", 0.3, "a statement ran outside its context", (ast.stmt,), within),
)  # fmt: skip
