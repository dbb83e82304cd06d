"""Comprehensions, generators and iterators that run only once."""

from __future__ import annotations

import ast

from covey.repair.kinds import callee_name, compatible
from covey.repair.site import Site
from covey.repair.templates.base import Proposals, Template
from covey.repair.templates.conditions import donors, names_in, words_in

_COMP = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


def kind_of_comprehension(site: Site, node: ast.AST) -> Proposals:
    """A list for a generator, a set for a list and so on."""
    start, end = site.view.span(node)
    text = site.view.text[start:end]
    if isinstance(node, ast.GeneratorExp):
        inner = text[1:-1] if text.startswith("(") and text.endswith(")") else text
        sole = text.startswith("(") and isinstance(site.parent(node), ast.Call)
        yield site.splice(start, end, f"([{inner}])" if sole else f"[{inner}]", 1.2)
        yield site.splice(start, end, f"({{{inner}}})" if sole else f"{{{inner}}}", 0.4)
    elif isinstance(node, ast.ListComp):
        yield site.splice(start, end, "{" + text[1:-1] + "}", 0.7)
        yield site.splice(start, end, "(" + text[1:-1] + ")", 0.3)
        yield site.swap(node, f"sorted({text})", 0.4)
    elif isinstance(node, ast.SetComp):
        yield site.splice(start, end, "[" + text[1:-1] + "]", 1.0)


def filters(site: Site, node: ast.AST) -> Proposals:
    """A filter that is missing, superfluous or put in the wrong place."""
    assert isinstance(node, _COMP)
    last = node.generators[-1]
    for test in last.ifs:
        position = last.ifs.index(test)
        before = last.ifs[position - 1] if position else last.iter
        yield site.splice(site.view.span(before)[1], site.view.span(test)[1], "", 0.6)
    end = site.view.span(last.ifs[-1] if last.ifs else last.iter)[1]
    targets = sorted(n.id for n in ast.walk(last.target) if isinstance(n, ast.Name))
    joint = " if " if not last.ifs else " and "
    if any(isinstance(f, ast.BoolOp) for f in last.ifs):
        joint = " if "
    for target in targets[:3]:
        for wanted, fit in (
            (target, 0.7),
            (f"{target} is not None", 0.8),
            (f"not {target}", 0.3),
            (f"{target}.strip()", 0.25),
        ):
            yield site.splice(end, end, joint + wanted, fit)
    for text, fit in donors(site):
        if words_in(text) & set(targets):
            yield site.splice(end, end, joint + text, fit)
    for known in site.variables:
        if known.loads == 0 and targets:
            for word in ("!=", "==", "not in", "in", ">", "<"):
                yield site.splice(end, end, f"{joint}{targets[0]} {word} {known.name}", 0.6)


def element(site: Site, node: ast.AST) -> Proposals:
    """What a comprehension gives for each turn."""
    if isinstance(node, ast.DictComp):
        yield site.both(site.swap(node.key, site.text(node.value)), site.swap(node.value, site.text(node.key)), fit=0.9)
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        targets = {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        if isinstance(node.elt, ast.Name) and node.elt.id not in targets and targets:
            for target in sorted(targets):
                yield site.swap(node.elt, target, 1.3)
        elif not isinstance(node.elt, ast.Name):
            for target in sorted(targets & names_in(node.elt)):
                yield site.swap(node.elt, target, 0.4)
    generators: list[ast.comprehension] = getattr(node, "generators", [])
    inner: ast.expr | None = getattr(node, "elt", None)
    if (
        isinstance(inner, (ast.ListComp, ast.GeneratorExp, ast.SetComp))
        and len(generators) == len(inner.generators) == 1
    ):
        spans = [_clause(site, c.generators[0]) for c in (inner, node)]  # type: ignore[attr-defined]
        texts = [site.view.text[slice(*span)] for span in spans]
        yield site.both(site.splice(*spans[0], texts[1]), site.splice(*spans[1], texts[0]), fit=0.9)
    if len(generators) == 2:
        first, second = generators
        a = site.view.text[site.view.span(first.target)[0] : site.view.span((first.ifs or [first.iter])[-1])[1]]
        b = site.view.text[site.view.span(second.target)[0] : site.view.span((second.ifs or [second.iter])[-1])[1]]
        begin, stop = site.view.span(first.target)[0], site.view.span((second.ifs or [second.iter])[-1])[1]
        yield site.splice(begin, stop, f"{b} for {a}", 0.9)


def _clause(site: Site, clause: ast.comprehension) -> tuple[int, int]:
    """Span of what follows ``for`` in a comprehension."""
    return site.view.span(clause.target)[0], site.view.span((clause.ifs or [clause.iter])[-1])[1]


def bound_names(site: Site, node: ast.Name) -> Proposals:
    """Another variable of the comprehension or lambda around a name."""
    if not isinstance(node.ctx, ast.Load):
        return
    for ancestor in site.view.ancestors(node):
        if isinstance(ancestor, (ast.stmt, ast.ExceptHandler)):
            break
        names: list[str] = []
        if isinstance(ancestor, _COMP):
            names = [n.id for g in ancestor.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)]
        elif isinstance(ancestor, ast.Lambda):
            names = [a.arg for a in ancestor.args.args]
        for name in names:
            if name != node.id:
                unused = not any(
                    isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load) for n in ast.walk(ancestor)
                )
                fit = 1.4 if unused else 0.7
                yield site.swap(node, name, fit if compatible(site.lookup(node.id), site.lookup(name)) else fit * 0.4)


def exhausted(site: Site, node: ast.Call) -> Proposals:
    """An iterator that is used more than once."""
    if callee_name(node) in {"map", "filter", "zip", "reversed", "iter", "enumerate", "chain", "islice"}:
        if isinstance(site.parent(node), (ast.Assign, ast.Return, ast.AnnAssign, ast.keyword)):
            yield site.swap(node, f"list({site.text(node)})", 1.3)
        elif not isinstance(site.parent(node), (ast.For, ast.comprehension)):
            yield site.swap(node, f"list({site.text(node)})", 0.4)


def generator(site: Site, node: ast.AST) -> Proposals:
    """``yield``, ``yield from`` and ``return`` for one another."""
    if isinstance(node, ast.Yield):
        start = site.view.span(node)[0]
        if node.value is not None:
            yield site.splice(start, start + 5, "yield from", 1.0)
            if isinstance(site.parent(node), ast.Expr):
                yield site.splice(start, start + 5, "return", 0.4)
            for known in site.variables:
                if site.text(node.value) != known.name:
                    yield site.swap(node.value, known.name, 0.9 if known.loads == 0 else 0.4)
    elif isinstance(node, ast.YieldFrom):
        start, value = site.view.span(node)[0], site.view.span(node.value)[0]
        yield site.splice(start, value, "yield ", 1.0)
    elif isinstance(node, ast.Call) and isinstance(site.parent(node), ast.Expr) and site.function is not None:
        called = callee_name(node)
        recursive = called == site.function.name or called in {f.name for f in site.index.generators}
        if recursive:
            start = site.view.span(node)[0]
            yield site.splice(start, start, "yield from ", 1.6)


def missing_last(site: Site, statement: ast.stmt) -> Proposals:
    """The last group or item, which is collected but never given out."""
    function = site.function
    if (
        function is None
        or statement is not function.body[-1]
        or not isinstance(statement, (ast.For, ast.While, ast.If))
    ):
        return
    values = [n.value for n in ast.walk(function) if isinstance(n, ast.Yield) and n.value is not None]
    for text in dict.fromkeys(site.text(v) for v in values):
        name = text if text.isidentifier() else ""
        if not name or name in site.names:
            yield site.insert_after(statement, [f"yield {text}"], 1.0)
            if name:
                yield site.insert_after(statement, [f"if {name}:", f"\tyield {name}"], 1.2)


def last_group(site: Site, statement: ast.Return) -> Proposals:
    """The last group, which is collected but not added to the result."""
    function = site.function
    if function is None or statement is not function.body[-1] or site.position < 1:
        return
    before = site.block[site.position - 1]
    if not isinstance(before, (ast.For, ast.While)):
        return
    for node in ast.walk(before):
        if (
            isinstance(node, ast.Call)
            and callee_name(node) in {"append", "add", "extend"}
            and isinstance(node.func, ast.Attribute)
        ):
            text = site.text(node)
            names = names_in(node) - {"self"}
            if len(text) < 80 and all(n in site.names for n in names):
                yield site.insert_before(statement, [text], 0.8)
                for argument in node.args:
                    if isinstance(argument, ast.Name):
                        yield site.insert_before(statement, [f"if {argument.id}:", f"\t{text}"], 1.0)


TEMPLATES = (
    Template("comprehension-kind", 0.45, "the wrong kind of comprehension was used", _COMP, kind_of_comprehension),
    Template("comprehension-filter", 0.4, "a comprehension filtered in the wrong way", _COMP, filters),
    Template("comprehension-element", 0.5, "a comprehension gave the wrong element", _COMP, element),
    Template("bound-name", 0.6, "the wrong variable of a comprehension or lambda was used", (ast.Name,), bound_names),
    Template("exhausted-iterator", 0.5, "an iterator was used more than once", (ast.Call,), exhausted),
    Template("generator", 0.5, "a generator gave its items in the wrong way", (ast.Yield, ast.YieldFrom,
        ast.Call), generator),
    Template("last-item-given", 0.45, "the last item was never given out", (ast.stmt,), missing_last),
    Template("last-group-added", 0.45, "the last group was never added", (ast.Return,), last_group),
)  # fmt: skip
