"""Loops, ranges, subscripts and slices."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from covey.repair.kinds import callee_name
from covey.repair.render import ADD
from covey.repair.site import Proposal, Site
from covey.repair.templates.base import Proposals, Template


def range_bounds(site: Site, call: ast.Call) -> Proposals:
    """A range with the wrong start, stop or step."""
    if (
        not (isinstance(call.func, ast.Name) and call.func.id == "range")
        or call.keywords
        or not 1 <= len(call.args) <= 3
    ):
        return
    parts = [site.text(a) for a in call.args]
    if any(isinstance(a, ast.Starred) for a in call.args):
        return
    if len(parts) == 1:
        stop = parts[0]
        left = site.wrapped(call.args[0], ADD)
        for text, fit in ((f"1, {stop}", 1.0), (f"1, {left} + 1", 1.1), (f"{left} - 1, -1, -1", 0.8),
            (f"{stop}, 0, -1", 0.4),
                          (f"2, {stop}", 0.3), (f"2, {left} + 1", 0.3)):  # fmt: skip
            yield site.swap(call, f"range({text})", fit)
        argument = call.args[0]
        if isinstance(argument, (ast.Name, ast.Attribute)):
            yield site.swap(argument, f"len({stop})", 1.0 if site.kind(argument) in {"list", "str", "tuple"} else 0.3)
        if isinstance(argument, ast.Call) and callee_name(argument) == "len" and argument.args:
            yield site.swap(call, site.text(argument.args[0]), 0.5)
        return
    start, stop = parts[0], parts[1]
    a, b = site.wrapped(call.args[0], ADD), site.wrapped(call.args[1], ADD)
    step = parts[2] if len(parts) == 3 else ""
    tail = f", {step}" if step else ""
    options = [(f"{a} + 1, {b} + 1{tail}", 0.5), (f"{a} - 1, {b} - 1{tail}", 0.4), (f"0, {stop}{tail}", 0.6)]
    if not step:
        options += [(f"{start}, {stop}, -1", 0.8), (f"{start}, {stop}, 2", 0.4), (stop, 0.8)]
        options += [(f"{stop}, {start}, -1", 0.4), (f"{b} - 1, {a} - 1, -1", 0.5)]
    else:
        options += [(f"{start}, {stop}", 0.8), (f"{start}, {stop}, -{site.wrapped(call.args[2], ADD)}", 0.6)]
    for text, fit in options:
        yield site.swap(call, f"range({text})", fit)
    for known in site.variables:
        if not step and known.kind in {"int", ""} and known.role == "parameter" and known.loads == 0:
            yield site.swap(call, f"range({start}, {stop}, {known.name})", 1.3)


def slice_bounds(site: Site, node: ast.Subscript) -> Proposals:
    """A slice with a bound missing, superfluous, off by one or on the wrong side."""
    part = node.slice
    if not isinstance(part, ast.Slice):
        return
    inside = _inside(site, node)
    lower = site.text(part.lower) if part.lower else ""
    upper = site.text(part.upper) if part.upper else ""
    step = f":{site.text(part.step)}" if part.step else ""
    options = [*_bounds(lower, upper, step), *_steps(lower, upper, step), (lower or upper or "0", 0.35)]
    options += _measured(site, node, lower, upper, step)
    for text, fit in options:
        yield site.splice(*inside, text, fit)


def _bounds(lower: str, upper: str, step: str) -> Iterator[tuple[str, float]]:
    """Yield slices with bounds dropped, added or moved to the other side."""
    if lower and upper:
        yield from ((f"{lower}:{step}", 0.8), (f":{upper}{step}", 0.8))
        if not step:
            yield f"{lower}:{lower} + {upper}", 0.6
    elif lower:
        yield from ((f":{lower}{step}", 1.0), (f"{lower}:-1{step}", 0.5))
    elif upper:
        negated = f"-{upper}" if upper.isidentifier() or upper.isdigit() else f"-({upper})"
        yield from ((f"{upper}:{step}", 1.0), (f"1:{upper}{step}", 0.6), (f"{negated}:{step}", 0.5))
    else:
        yield from ((f"1:{step}", 0.6), (f":-1{step}", 0.6))


def _steps(lower: str, upper: str, step: str) -> Iterator[tuple[str, float]]:
    """Yield slices with another step."""
    if not step:
        yield from ((f"{lower}:{upper}:-1", 0.6), (f"{lower}:{upper}:2", 0.2))
        return
    yield f"{lower}:{upper}", 1.0
    if not lower:
        yield f"1:{upper}{step}", 0.5
    if not (lower or upper):
        yield from (("::-1", 0.8), ("::2", 0.3), ("1::2", 0.6))


def _measured(site: Site, node: ast.Subscript, lower: str, upper: str, step: str) -> Iterator[tuple[str, float]]:
    """Yield slices whose bounds are variables, or shifted by the length of one."""
    for known in site.variables:
        name = known.name
        if name == site.text(node.value):
            continue
        if upper and known.kind in {"str", "list", "tuple"} and name != upper:
            yield from ((f"{lower}:{upper} - len({name}){step}", 0.6), (f"{lower}:{upper} + len({name}){step}", 0.3))
        elif lower and known.kind == "str":
            yield f"{lower} + len({name}):{upper}{step}", 0.6
        elif known.kind == "int" or (known.loads == 0 and not known.kind):
            fit = 1.0 if known.loads == 0 else 0.3
            yield from ((f"{lower}:{name}{step}", fit), (f"{name}:{upper}{step}", fit * 0.8))


def _inside(site: Site, node: ast.Subscript) -> tuple[int, int]:
    """Span between the brackets of a subscript."""
    end = site.view.span(node)[1] - 1
    start = site.view.text.index("[", site.view.span(node.value)[1]) + 1
    return start, end


def subscript(site: Site, node: ast.Subscript) -> Proposals:
    """The wrong item of a sequence."""
    if isinstance(node.slice, ast.Slice) or isinstance(site.parent(node), (ast.arg, ast.AnnAssign)):
        return
    inside = _inside(site, node)
    text = site.view.text[slice(*inside)]
    if isinstance(node.slice, (ast.Constant, ast.UnaryOp)):
        if text in {"0", "1", "2", "-1", "-2"}:
            for other, fit in (("0", 0.9), ("-1", 1.0), ("1", 0.9), ("-2", 0.5), ("2", 0.5)):
                if other != text:
                    yield site.splice(*inside, other, fit)
            if isinstance(node.ctx, ast.Load):
                yield site.splice(*inside, f"{text}:", 0.5)
                yield site.splice(*inside, f":{text}", 0.4)
        return
    if site.kind(node.slice) in {"int", ""} and not isinstance(node.slice, ast.Tuple):
        length = f"len({site.text(node.value)})"
        yield site.splice(*inside, f"-{site.wrapped(node.slice, ADD + 2)}", 0.3)
        if isinstance(node.ctx, ast.Load):
            yield site.splice(*inside, f"{site.wrapped(node.slice, ADD)} % {length}", 0.3)
            yield site.splice(*inside, f"{text}:", 0.2)
    if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
        yield site.splice(*inside, f"{site.text(node.slice.elts[1])}, {site.text(node.slice.elts[0])}", 0.8)
    if isinstance(node.value, ast.Subscript) and not isinstance(node.value.slice, ast.Slice):
        inner = _inside(site, node.value)
        parts = ((*inside, site.view.text[slice(*inner)]), (*inner, text))
        yield Proposal(parts, 0.9)


def jump(site: Site, statement: ast.stmt) -> Proposals:
    """``break``, ``continue``, ``pass`` and ``return`` for one another."""
    words = {ast.Break: "break", ast.Continue: "continue", ast.Pass: "pass"}
    own = words.get(type(statement))
    if own is None:
        return
    if site.loop is not None:
        for word in ("continue", "break"):
            if word != own:
                yield site.swap_statement(word, 1.0)
    if own != "pass":
        yield site.swap_statement("pass", 0.3)
    if site.function is not None:
        for value in dict.fromkeys(map(site.text, site.returns)):
            if len(value) < 40 and "\n" not in value:
                yield site.swap_statement(f"return {value}", 0.6)
        yield site.swap_statement("return", 0.5)


def missing_jump(site: Site, statement: ast.stmt) -> Proposals:
    """A loop that should stop, or go to its next turn, after a statement."""
    if (
        site.loop is None
        or site.position != len(site.block) - 1
        or isinstance(statement, (ast.Break, ast.Continue, ast.Return, ast.Raise, ast.FunctionDef))
    ):
        return
    branch = isinstance(site.parent(statement), ast.If)
    if branch:
        yield site.insert_after(statement, ["break"], 1.0)
        yield site.insert_after(statement, ["continue"], 0.8)
    if not isinstance(statement, ast.Pass) and branch:
        for value in list(dict.fromkeys(map(site.text, site.returns)))[:3]:
            yield site.insert_after(statement, [f"return {value}"], 0.5)


_CHANGES = frozenset({"remove", "pop", "append", "add", "discard", "insert", "popitem"})


def _changes(node: ast.AST) -> bool:
    """True for a loop whose body may change what it runs over."""
    return isinstance(node, ast.For) and any(
        isinstance(n, ast.Delete) or (isinstance(n, ast.Call) and callee_name(n) in _CHANGES) for n in ast.walk(node)
    )


def iterable(site: Site, node: ast.AST) -> Proposals:
    """What a loop runs over, and in which order."""
    assert isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension))
    over = node.iter
    text, kind = site.text(over), site.kind(over)
    name = callee_name(over) if isinstance(over, ast.Call) else ""
    if name not in {"list", "range", "sorted", "enumerate"}:
        changed = _changes(node) or "RuntimeError" in site.hints.types
        yield site.swap(over, f"list({text})", 1.5 if changed else 0.3)
    if name not in {"sorted", "range"}:
        yield site.swap(over, f"sorted({text})", 0.5)
    if name != "reversed":
        yield site.swap(over, f"reversed({text})", 0.6)
    if isinstance(over, ast.Call) and name == "enumerate" and over.args:
        inner = site.text(over.args[0])
        start = ", 1" if len(over.args) == 1 and not over.keywords else ""
        yield site.swap(over, f"enumerate({inner}{start})", 1.0)
    if kind in {"", "list", "str", "tuple"} and isinstance(over, (ast.Name, ast.Attribute, ast.Subscript)):
        yield site.swap(over, f"{text}[1:]", 0.6)
        yield site.swap(over, f"{text}[:-1]", 0.5)
        yield site.swap(over, f"{text}[::-1]", 0.3)


def mapping_view(site: Site, node: ast.AST) -> Proposals:
    """Keys, values or items of a mapping for one another; targets in the wrong order."""
    assert isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension))
    over, text = node.iter, site.text(node.iter)
    plain = isinstance(over, (ast.Name, ast.Attribute))
    if isinstance(node.target, ast.Tuple) and len(node.target.elts) == 2:
        if plain:
            yield site.swap(over, f"{text}.items()", 1.2)
            yield site.swap(over, f"enumerate({text})", 0.9)
        first, second = node.target.elts
        yield site.both(site.swap(first, site.text(second)), site.swap(second, site.text(first)), fit=0.8)
    elif plain and site.kind(over) in {"", "dict"}:
        yield site.swap(over, f"{text}.values()", 0.6)
        yield site.swap(over, f"{text}.keys()", 0.2)
    elif (
        isinstance(over, ast.Call)
        and isinstance(over.func, ast.Attribute)
        and over.func.attr in {"items", "keys", "values"}
    ):
        yield site.swap(over, site.text(over.func.value), 0.5)


def nothing_to_run_over(site: Site, node: ast.AST) -> Proposals:
    """A loop over a fixed empty sequence."""
    assert isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension))
    if not isinstance(node.iter, (ast.List, ast.Tuple)) or node.iter.elts:
        return
    for known in site.variables:
        if known.kind in {"", "list", "dict", "set", "tuple", "iter", "str"}:
            yield site.swap(node.iter, known.name, 1.2 if known.loads == 0 else 0.7)
    for attribute, held in list(site.attributes.items())[:12]:
        if held in {"list", "dict", "set", "tuple"}:
            yield site.swap(node.iter, f"self.{attribute}", 0.8)


def loop_else(site: Site, statement: ast.stmt) -> Proposals:
    """Statements after a loop that belong to its ``else``, or the other way round."""
    if not isinstance(statement, (ast.For, ast.While)):
        return
    if statement.orelse:
        moved = [site.view.reindented(item, site.view.indent(statement)) for item in statement.orelse]
        end = site.view.whole_lines(statement.body[-1])
        whole = site.view.whole_lines(statement)
        if end and whole and all(moved):
            yield site.replace_lines((end[1], whole[1]), "".join(m or "" for m in moved), 0.8)
        return
    if 0 <= site.position < len(site.block) - 1:
        following = site.block[site.position + 1]
        span = site.view.whole_lines(following)
        moved_one = site.view.reindented(following, site.view.indent(following) + site.view.unit)
        if span and moved_one:
            yield site.replace_lines(span, f"{site.view.indent(statement)}else:\n{moved_one}", 0.6)


TEMPLATES = (
    Template("range-bounds", 0.6, "a range had the wrong bounds", (ast.Call,), range_bounds),
    Template("slice-bounds", 0.55, "a slice had the wrong bounds", (ast.Subscript,), slice_bounds),
    Template("subscript", 0.5, "the wrong item was taken", (ast.Subscript,), subscript),
    Template("jump", 0.65, "a loop was left or continued in the wrong way", (ast.stmt,), jump),
    Template("missing-jump", 0.4, "a loop should stop or go on here", (ast.stmt,), missing_jump),
    Template("iterable", 0.5, "a loop ran over the wrong thing", (ast.For, ast.AsyncFor, ast.comprehension), iterable),
    Template("mapping-view", 0.5, "a loop ran over the wrong view of a mapping",
             (ast.For, ast.AsyncFor, ast.comprehension), mapping_view),
    Template("empty-loop", 0.4, "a loop ran over nothing",
             (ast.For, ast.AsyncFor, ast.comprehension), nothing_to_run_over),
    Template("loop-else", 0.3, "the `else` of a loop was wrong", (ast.For, ast.While), loop_else),
)  # fmt: skip
