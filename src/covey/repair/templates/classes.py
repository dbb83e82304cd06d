"""Definitions: decorators, defaults, parameters, base classes, shared mutable state, copies."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from covey.repair.kinds import callee_name
from covey.repair.near import closeness
from covey.repair.site import Proposal, Site
from covey.repair.templates.base import Proposals, Template
from covey.repair.view import FUNCTIONS, Function, first_line

_DUNDERS = ("__init__", "__repr__", "__str__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__",
    "__hash__", "__len__",
            "__iter__", "__next__", "__contains__", "__getitem__", "__setitem__", "__delitem__", "__enter__",
                "__exit__",
            "__call__", "__bool__", "__add__", "__radd__", "__iadd__", "__sub__", "__rsub__", "__mul__", "__rmul__",
            "__truediv__", "__floordiv__", "__mod__", "__neg__", "__get__", "__set__", "__set_name__", "__new__",
            "__aenter__", "__aexit__", "__aiter__", "__anext__", "__missing__", "__getattr__", "__setattr__",
            "__post_init__", "__reversed__", "__format__", "__index__", "__int__", "__float__", "__and__",
                "__or__")  # fmt: skip
_COPIES = {"list": "list", "dict": "dict", "set": "set"}


_CONFUSED = (
    {"__str__", "__repr__", "__format__"},
    {"__enter__", "__aenter__"},
    {"__exit__", "__aexit__", "__del__"},
    {"__iter__", "__aiter__", "__next__", "__anext__"},
    {"__lt__", "__gt__", "__le__", "__ge__"},
    {"__eq__", "__ne__", "__hash__"},
    {"__init__", "__new__", "__post_init__", "__call__", "__init_subclass__"},
    {"__len__", "__bool__", "__length_hint__"},
    {"__get__", "__getattr__", "__getitem__", "__getattribute__"},
    {"__contains__", "__getitem__"},
)


def _confused(left: str, right: str) -> bool:
    return any(left in group and right in group for group in _CONFUSED)


def _name_span(site: Site, node: Function | ast.ClassDef) -> tuple[int, int]:
    start = site.view.span(node)[0]
    match = re.compile(r"(?:async\s+)?(?:def|class)\s+").match(site.view.text, start)
    at = match.end() if match else start
    return at, at + len(node.name)


def _decorate(site: Site, node: ast.AST, text: str, fit: float) -> Proposal:
    start = site.view.source.line_start(first_line(node))
    return Proposal(((start, start, f"{site.view.indent(node)}@{text}\n"),), fit, wide=True)


def decorators(site: Site, node: ast.AST) -> Proposals:
    """A decorator that is missing, superfluous or wrong."""
    assert isinstance(node, (*FUNCTIONS, ast.ClassDef))
    for decorator in node.decorator_list:
        line = site.view.source.line_start(decorator.lineno)
        stop = site.view.source.line_start((decorator.end_lineno or decorator.lineno) + 1)
        yield Proposal(((line, stop, ""),), 0.6, wide=True)
        text = site.text(decorator)
        for other in ("property", "staticmethod", "classmethod", "functools.wraps", "functools.lru_cache"):
            if (
                text in {"property", "staticmethod", "classmethod"}
                and other in {"property", "staticmethod", "classmethod"}
                and other != text
            ):
                yield site.swap(decorator, other, 0.6)
    present = {site.text(d) for d in node.decorator_list}
    if isinstance(node, FUNCTIONS):
        cls = site.parent(node)
        names = [a.arg for a in node.args.args]
        if isinstance(cls, ast.ClassDef) and not present:
            first = names[0] if names else ""
            yield _decorate(site, node, "staticmethod", 1.5 if first not in {"self", "cls"} else 0.15)
            yield _decorate(site, node, "classmethod", 1.6 if first == "cls" else 0.15)
            if len(names) == 1 and first == "self":
                bound = any(m in site.hints.message for m in ("bound method", "method"))
                yield _decorate(site, node, "property", 1.2 if bound else 0.5)
        outer = site.view.function_of(site.view.parents[node])
        if outer is not None and outer.args.args:
            wrapped = outer.args.args[0].arg
            for module in ("functools.wraps", "wraps"):
                if module.split(".")[0] in site.names and not any("wraps" in p for p in present):
                    yield _decorate(site, node, f"{module}({wrapped})", 0.9)
    siblings = {site.text(d) for s in site.block if isinstance(s, type(node)) and s is not node
                for d in s.decorator_list}  # fmt: skip
    for text in sorted(siblings - present)[:6]:
        if len(text) < 60 and not text.endswith((".setter", ".deleter")):
            yield _decorate(site, node, text, 0.4)


def parameters(site: Site, node: ast.AST) -> Proposals:
    """A parameter without its default, a missing or misplaced parameter."""
    assert isinstance(node, FUNCTIONS)
    every = [*node.args.posonlyargs, *node.args.args]
    if not every:
        if isinstance(site.parent(node), ast.ClassDef) and not node.decorator_list:
            at = _name_span(site, node)[1]
            opened = site.view.text.find("(", at) + 1
            yield site.splice(opened, opened, "self", 1.5)
        return
    plain = len(every) - len(node.args.defaults)
    start = plain - 1
    if isinstance(site.parent(node), ast.ClassDef) and every[0].arg not in {"self", "cls"} and not node.decorator_list:
        yield site.splice(site.view.span(every[0])[0], site.view.span(every[0])[0], "self, ", 1.2)
    if start >= 0 and every[start].arg not in {"self", "cls"} and not node.args.posonlyargs:
        end = site.view.span(every[start])[1]
        asked = 1.5 if every[start].arg in site.hints.missing_arguments else 0.4
        for text in ("None", "0", "1", "True", "False", '""', "()"):
            spaced = f" = {text}" if every[start].annotation else f"={text}"
            yield site.splice(end, end, spaced, asked)
    for left, right in pairwise(every):
        if left.arg not in {"self", "cls"} and every.index(right) < plain:
            yield site.both(site.splice(*site.view.span(left), site.text(right)),
                site.splice(*site.view.span(right), site.text(left)),
                            fit=0.4)  # fmt: skip
    if node.args.kwarg is None:
        for name in sorted(site.hints.unexpected):
            if node.name in site.hints.callees:
                last = site.view.span((node.args.kwonlyargs or every)[-1])[1]
                if node.args.defaults:
                    last = max(last, site.view.span(node.args.defaults[-1])[1])
                yield site.splice(last, last, f", {name}=None", 0.6)
        last_node: ast.AST = node.args.defaults[-1] if node.args.defaults else every[-1]
        if not node.args.kwonlyargs and not node.args.vararg:
            end = site.view.span(last_node)[1]
            yield site.splice(end, end, ", *args, **kwargs", 0.25)
            yield site.splice(end, end, ", **kwargs", 0.25)


def mutable_default(site: Site, node: ast.AST) -> Proposals:
    """A default value that is shared between calls."""
    assert isinstance(node, FUNCTIONS)
    every = [*node.args.posonlyargs, *node.args.args]
    pairs = list(zip(reversed(every), reversed(node.args.defaults), strict=False))
    pairs += [(a, d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None]
    body = node.body[1:] if _is_docstring(node.body[0]) and len(node.body) > 1 else node.body
    for argument, default in pairs:
        mutable = isinstance(default, (ast.List, ast.Dict, ast.Set)) or (
            isinstance(default, ast.Call) and callee_name(default) in {"list", "dict", "set", "defaultdict", "deque"}
        )
        if not mutable and not isinstance(default, ast.Call):
            continue
        name, text = argument.arg, site.text(default)
        guard = site.insert_before(body[0], [f"if {name} is None:", f"\t{name} = {text}"])
        if guard is not None:
            none = Proposal(((*site.view.span(default), "None"),))
            yield site.both(none, guard, fit=2.0 if mutable else 0.7, wide=True)
    for argument, default in pairs:
        if isinstance(default, ast.Constant) and default.value is None:
            kind = site.index.facts(node).kinds.get(argument.arg, "")
            options = {"list": ["[]"], "dict": ["{}"], "set": ["set()"]}.get(
                kind, ["[]", "{}"] if kind in {"", "iter"} else []
            )
            for option in options:
                yield site.insert_before(body[0], [f"if {argument.arg} is None:", f"\t{argument.arg} = {option}"],
                                         0.9 if site.hints.none_used else 0.4)  # fmt: skip


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def shared_attribute(site: Site, statement: ast.stmt) -> Proposals:
    """A mutable class attribute that every instance shares."""
    cls = site.parent(statement)
    if (
        not isinstance(cls, ast.ClassDef)
        or not isinstance(statement, (ast.Assign, ast.AnnAssign))
        or statement.value is None
    ):
        return
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    value = statement.value
    text = site.text(value)
    mutable = isinstance(value, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp)) or (
        isinstance(value, ast.Call) and callee_name(value) in {"list", "dict", "set", "defaultdict", "deque", "Counter"}
    )
    if not isinstance(target, ast.Name) or not mutable:
        return
    if any("dataclass" in site.text(d) for d in cls.decorator_list):
        factory = {"[]": "list", "{}": "dict", "set()": "set"}.get(text, f"lambda: {text}")
        if "field" in site.names:
            yield site.swap(value, f"field(default_factory={factory})", 2.0)
        return
    span = site.view.whole_lines(statement)
    line = f"self.{target.id} = {text}"
    init = next((m for m in cls.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"), None)
    if init is not None:
        body = init.body[1:] if _is_docstring(init.body[0]) and len(init.body) > 1 else init.body
        added = site.insert_before(body[0], [line])
        if added is not None:
            yield Proposal(added.splices, 1.8, wide=True)
    elif span is not None:
        indent, unit = site.view.indent(statement), site.view.unit
        method = f"\n{indent}def __init__(self):\n{indent}{unit}{line}\n"
        head = f"\n{indent}def __init__(self, *args, **kwargs):\n"
        base = f"{head}{indent}{unit}super().__init__(*args, **kwargs)\n{indent}{unit}{line}\n"
        yield Proposal(((span[1], span[1], base if cls.bases else method),), 1.6, wide=True)


def copied(site: Site, node: ast.AST) -> Proposals:
    """A container that is kept or given away without a copy."""
    value: ast.expr | None = None
    if isinstance(node, (ast.Return, ast.Assign)):
        value = node.value
    if not isinstance(value, (ast.Name, ast.Attribute, ast.Subscript)):
        return
    kind = site.kind(value)
    if kind not in {"", "list", "dict", "set", "iter", "obj"}:
        return
    held = isinstance(value, ast.Attribute) or (
        isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
    )
    fit = 0.9 if held else 0.5
    text = site.text(value)
    for known, function in _COPIES.items():
        if kind == known:
            yield site.swap(value, f"{function}({text})", fit)
        elif kind in {"", "iter"}:
            yield site.swap(value, f"{function}({text})", fit * 0.6)
    yield site.swap(value, f"{text}.copy()", fit * 0.7)
    if "copy" in site.names:
        deep = "copy.deepcopy" if site.lookup("copy") == "module" else "copy"
        yield site.swap(value, f"{deep}({text})", fit)
    if "deepcopy" in site.names:
        yield site.swap(value, f"deepcopy({text})", fit)


def repeated(site: Site, node: ast.AST) -> Proposals:
    """``[[]] * n``: one inner list, many times."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for holder, times in ((node.left, node.right), (node.right, node.left)):
            if (
                isinstance(holder, ast.List)
                and len(holder.elts) == 1
                and not isinstance(holder.elts[0], (ast.Constant, ast.Name))
            ):
                yield site.swap(node, f"[{site.text(holder.elts[0])} for _ in range({site.text(times)})]", 1.5)
    elif isinstance(node, ast.Call) and callee_name(node) == "fromkeys" and len(node.args) == 2:
        if isinstance(node.args[1], (ast.List, ast.Dict, ast.Call, ast.Set)):
            yield site.swap(node, f"{{key: {site.text(node.args[1])} for key in {site.text(node.args[0])}}}", 1.5)
    elif isinstance(node, ast.Lambda):
        bound = {a.arg for a in node.args.args}
        loop_names: set[str] = set()
        for ancestor in site.view.ancestors(node):
            if isinstance(ancestor, (ast.For, ast.ListComp, ast.DictComp, ast.GeneratorExp, ast.SetComp)):
                targets = (
                    [ancestor.target] if isinstance(ancestor, ast.For) else [g.target for g in ancestor.generators]
                )
                loop_names |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
        free = sorted({n.id for n in ast.walk(node.body) if isinstance(n, ast.Name)} & loop_names - bound)
        start = site.view.span(node)[0] + len("lambda")
        body = site.view.span(node.body)[0]
        colon = site.view.text.rfind(":", start, body)
        if free and colon > 0 and not node.args.kwarg and not node.args.vararg:
            bind = ", ".join(f"{n}={n}" for n in free)
            old = site.view.text[start:colon].strip()
            yield site.splice(start, colon, f" {old + ', ' if old else ''}{bind}", 1.6)


def closure(site: Site, node: ast.AST) -> Proposals:
    """A function made in a loop that sees the loop's last value."""
    assert isinstance(node, FUNCTIONS)
    loop = site.view.loop_of(node)
    if not isinstance(loop, ast.For):
        return
    names = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
    free = sorted({n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & names)
    opened = site.view.text.find("(", _name_span(site, node)[1]) + 1
    closed = site.view.text.find(")", opened)
    if free and not node.args.kwarg and not node.args.vararg and "(" not in site.view.text[opened:closed]:
        joint = ", " if node.args.args else ""
        yield site.splice(closed, closed, joint + ", ".join(f"{n}={n}" for n in free), 1.5)


def method_name(site: Site, node: ast.AST) -> Proposals:
    """A method under the wrong name, above all a special one."""
    assert isinstance(node, FUNCTIONS)
    cls = site.parent(node)
    if not isinstance(cls, ast.ClassDef):
        return
    span = _name_span(site, node)
    taken = set(site.attributes) if site.method_class is cls else {m.name for m in cls.body if isinstance(m, FUNCTIONS)}
    own = {m.name for m in cls.body if isinstance(m, FUNCTIONS)}
    if node.name.startswith("__") or node.name.strip("_") in {d.strip("_") for d in _DUNDERS}:
        for other in _DUNDERS:
            near = max(closeness(node.name, other), 0.8 if _confused(node.name, other) else 0.0)
            if other != node.name and other not in own and (near > 0.7 or node.name not in _DUNDERS):
                yield site.splice(*span, other, 0.4 + 0.6 * near if near > 0.55 else 0.05)
    for other in sorted(site.hints.attributes - taken):
        if closeness(node.name, other) > 0.5:
            yield site.splice(*span, other, 1.2 * closeness(node.name, other))
    for facts in site.package.mro(cls.name)[1:]:
        for other in facts.methods:
            if other not in own and closeness(node.name, other) > 0.6:
                yield site.splice(*span, other, 0.9)


def bases(site: Site, node: ast.ClassDef) -> Proposals:
    """A wrong, missing or badly ordered base class."""
    for base in node.bases:
        for name in site.index.classes:
            if name != node.name and site.text(base) != name:
                yield site.swap(base, name, 0.4 + 0.4 * closeness(name, site.text(base)))
    if len(node.bases) == 2:
        first, second = node.bases
        yield site.both(site.swap(first, site.text(second)), site.swap(second, site.text(first)), fit=0.8)
    if len(node.bases) == 1 and isinstance(node.bases[0], ast.Name):
        for other in {"Exception": ("ValueError", "KeyError", "TypeError"), "Enum": ("IntEnum", "str, Enum"),
                      "ValueError": ("Exception", "TypeError"), "KeyError": ("Exception",
                          "ValueError")}.get(node.bases[0].id, ()):  # fmt: skip
            if (
                other.split(",")[0] in {"ValueError", "KeyError", "TypeError", "Exception", "str"}
                or other in site.names
            ):
                yield site.splice(*site.view.span(node.bases[0]), other, 0.6)


def super_method(site: Site, node: ast.Attribute) -> Proposals:
    """Another method of the base class called through ``super()``."""
    if isinstance(node.value, ast.Call) and callee_name(node.value) == "super" and site.function is not None:
        end = site.view.span(node)[1]
        if node.attr != site.function.name:
            yield site.splice(end - len(node.attr), end, site.function.name, 1.5)
        yield site.swap(node.value, "self", 0.4)


def own_class(site: Site, node: ast.Name) -> Proposals:
    """A fixed class where the class of the object was meant, and back."""
    cls = site.method_class
    if cls is None or not isinstance(node.ctx, ast.Load) or not site.self_name:
        return
    if node.id == cls.name:
        yield site.swap(node, "cls" if site.self_name == "cls" else "type(self)", 0.9)
    elif node.id == "cls" and site.self_name == "cls":
        yield site.swap(node, cls.name, 0.4)


TEMPLATES = (
    Template("decorator", 0.4, "a decorator was missing or wrong", (*FUNCTIONS, ast.ClassDef), decorators),
    Template("parameter", 0.35, "the parameters of a function were wrong", FUNCTIONS, parameters),
    Template("mutable-default", 0.7, "a default value was shared between calls", FUNCTIONS, mutable_default),
    Template("shared-attribute", 0.6, "an attribute was shared between instances", (ast.Assign, ast.AnnAssign),
        shared_attribute),
    Template("missing-copy", 0.4, "a container was shared instead of copied", (ast.Return, ast.Assign), copied),
    Template("shared-element", 0.7, "one object was used many times", (ast.BinOp, ast.Call, ast.Lambda), repeated),
    Template("late-binding", 0.6, "a function saw the last value of a loop variable", FUNCTIONS, closure),
    Template("method-name", 0.35, "a method had the wrong name", FUNCTIONS, method_name),
    Template("base-class", 0.35, "a base class was wrong", (ast.ClassDef,), bases),
    Template("super-method", 0.6, "the wrong method of the base class was called", (ast.Attribute,), super_method),
    Template("own-class", 0.4, "the wrong class was used", (ast.Name,), own_class),
)  # fmt: skip
