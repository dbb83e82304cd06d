"""Conditions: conjuncts missing or superfluous, truth value against None, type checks, kinds of branches."""

from __future__ import annotations

import ast
import re

from covey.repair.kinds import callee_name
from covey.repair.near import closeness
from covey.repair.render import AND, COMPARE, NOT, OR
from covey.repair.site import BUILTINS, Site
from covey.repair.templates.base import Proposals, Template


def names_in(node: ast.AST) -> set[str]:
    """Identifiers read in an expression."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def words_in(text: str) -> set[str]:
    """Identifiers in the text of an expression."""
    return set(re.findall(r"[A-Za-z_]\w*", text))


def drop_conjunct(site: Site, node: ast.BoolOp) -> Proposals:
    """A condition too many."""
    word = " and " if isinstance(node.op, ast.And) else " or "
    for index in range(len(node.values)):
        rest = [site.text(v) for i, v in enumerate(node.values) if i != index]
        yield site.swap(node, word.join(rest), 1.0)


def donors(site: Site) -> list[tuple[str, float]]:
    """Conditions used in the same function, class or file whose names are all bound here."""
    return site.conditions


def _atoms(site: Site, test: ast.AST) -> list[tuple[str, float]]:
    """Simple conditions on what a test (or the statement below it) talks about."""
    found: list[tuple[str, float]] = []
    subjects: dict[str, tuple[str, float]] = {}
    for node in ast.walk(test):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            text = site.text(node)
            parent = site.parent(node)
            if text in BUILTINS or (isinstance(parent, ast.Call) and node is parent.func) or text in {"self", "cls"}:
                continue
            subjects.setdefault(text, (site.kind(node), 1.0))
    for known in site.variables:
        subjects.setdefault(known.name, (known.kind, 1.2 if known.loads == 0 else 0.5))
    for text, (kind, weight) in list(subjects.items())[:8]:
        if kind in {"func", "class", "module"}:
            continue
        if kind in {"int", "float"}:
            found += [(f"{text} > 0", 0.5 * weight), (f"{text} != 0", 0.4 * weight), (f"{text} >= 0", 0.3 * weight)]
            found += [(f"{text} < 0", 0.3 * weight), (f"{text} == 0", 0.25 * weight)]
            continue
        if kind != "bool":
            found.append((f"{text} is not None", (0.9 if site.hints.none_used else 0.6) * weight))
            found.append((f"{text} is None", 0.35 * weight))
        found += [(text, 0.6 * weight), (f"not {text}", 0.5 * weight)]
    return found


def add_conjunct(site: Site, node: ast.AST) -> Proposals:
    """A missing condition."""
    test: ast.expr | None = getattr(node, "test", None)
    if test is None:
        return
    present = site.text(test)
    for text, fit in [*donors(site), *_atoms(site, test)]:
        if text in present or present in text:
            continue
        negated = text[4:] if text.startswith("not ") else f"not {text}"
        for word, level, weight in ((" and ", AND, 1.0), (" or ", OR, 0.8)):
            left = site.wrapped(test, level)
            guard_first = "None" in text or text.isidentifier()
            right = f"({text})" if " or " in text or (" and " in text and word == " and ") else text
            joined = f"{right}{word}{left}" if guard_first and word == " and " else f"{left}{word}{right}"
            yield site.swap(test, joined, fit * weight)
        if " " not in text and not text.startswith("not "):
            yield site.swap(test, f"{site.wrapped(test, AND)} and {negated}", fit * 0.6)


def other_condition(site: Site, node: ast.AST) -> Proposals:
    """The condition of another branch."""
    test: ast.expr | None = getattr(node, "test", None)
    if test is not None:
        own = names_in(test)
        for text, fit in donors(site):
            if text != site.text(test) and own & words_in(text):
                yield site.swap(test, text, fit)


def none_or_empty(site: Site, node: ast.AST) -> Proposals:
    """``x`` for ``x is not None`` and the like."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        value = node.comparators[0]
        left = site.text(node.left)
        if isinstance(value, ast.Constant) and value.value is None:
            positive = isinstance(node.ops[0], (ast.IsNot, ast.NotEq))
            yield site.swap(node, left if positive else f"not {left}", 0.9)
            if site.kind(node.left) in {"int", "float", ""}:
                yield site.swap(node, f"{left} == 0" if not positive else f"{left} != 0", 0.15)
        elif (
            isinstance(value, ast.Constant) and value.value in (0, "", False, True) and not isinstance(value.value, str)
        ):
            yield site.swap(node, f"{left} is None", 0.3)
            yield site.swap(node, f"{left} is not None", 0.3)
        return
    test = getattr(node, "test", None)
    tests = [test] if isinstance(test, ast.expr) else []
    if isinstance(node, ast.BoolOp):
        tests = (
            node.values[:-1]
            if isinstance(site.parent(node), (ast.Return, ast.Assign, ast.keyword, ast.Call))
            else node.values
        )
    elif isinstance(node, ast.comprehension):
        tests = node.ifs
    for part in tests:
        if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not):
            if isinstance(part.operand, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
                yield site.swap(part, f"{site.text(part.operand)} is None", 1.1)
        elif isinstance(part, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)) and site.kind(part) != "bool":
            yield site.swap(part, f"{site.text(part)} is not None", 1.1)
            if site.kind(part) in {"", "int", "float"}:
                yield site.swap(part, f"{site.text(part)} > 0", 0.35)
            if site.kind(part) in {"", "list", "str", "tuple"}:
                yield site.swap(part, f"len({site.text(part)}) > 1", 0.15)


def default_by_or(site: Site, node: ast.BoolOp) -> Proposals:
    """``x or default`` that loses zero, the empty string or False."""
    if isinstance(node.op, ast.Or) and len(node.values) == 2 and not isinstance(site.parent(node), (ast.If, ast.While)):
        left, right = site.wrapped(node.values[0], OR), site.text(node.values[1])
        if isinstance(node.values[0], (ast.Name, ast.Attribute, ast.Subscript)):
            yield site.swap(node, f"{left} if {left} is not None else {right}", 1.0)


def type_check(site: Site, node: ast.AST) -> Proposals:
    """A type check that is too narrow, too wide or made in the wrong way."""
    if isinstance(node, ast.Call) and callee_name(node) in {"isinstance", "issubclass"} and len(node.args) == 2:
        second = node.args[1]
        now = second.elts if isinstance(second, ast.Tuple) else [second]
        texts = [site.text(n) for n in now]
        others = ["str", "int", "float", "list", "tuple", "dict", "bytes", "set", "bool"]
        related = {"list": ["tuple", "set"], "tuple": ["list"], "int": ["float"], "float": ["int"], "str": ["bytes"],
                   "dict": ["Mapping"], "set": ["frozenset", "list"], "bool": ["int"]}  # fmt: skip
        near = [o for t in texts for o in related.get(t, [])]
        for other in (*near, *others):
            if other not in texts and (other in BUILTINS or other in site.names):
                fit = 1.0 if other in near else 0.35
                yield site.swap(second, f"({', '.join([*texts, other])})", fit)
                if len(texts) == 1:
                    yield site.swap(second, other, fit * 0.7)
        if len(texts) > 1:
            for index in range(len(texts)):
                rest = texts[:index] + texts[index + 1 :]
                yield site.swap(second, rest[0] if len(rest) == 1 else f"({', '.join(rest)})", 0.5)
        subject = site.text(node.args[0])
        if "int" in texts:
            yield site.swap(node, f"{site.text(node)} and not isinstance({subject}, bool)", 0.6)
        yield site.swap(node, f'hasattr({subject}, "__iter__")', 0.1)


def exact_type(site: Site, node: ast.Compare) -> Proposals:
    """``type(x) == T``, which refuses subclasses."""
    call = node.left
    if isinstance(call, ast.Call) and callee_name(call) == "type" and call.args and len(node.ops) == 1:
        word = "" if isinstance(node.ops[0], (ast.Eq, ast.Is)) else "not "
        yield site.swap(node, f"{word}isinstance({site.text(call.args[0])}, {site.text(node.comparators[0])})", 1.3)


def branch_kind(site: Site, node: ast.AST) -> Proposals:
    """``elif`` for ``if``, ``while`` for ``if``."""
    start = site.view.span(node)[0]
    if isinstance(node, ast.If):
        if site.is_elif(node):
            return
        before = site.block[site.position - 1] if site.position > 0 else None
        if isinstance(before, ast.If) and not before.orelse:
            yield site.replace_lines((start, start), "el", 0.8)
        if not node.orelse:
            yield site.splice(start, start + 2, "while", 0.6)
    elif isinstance(node, ast.While) and not node.orelse:
        yield site.splice(start, start + 5, "if", 0.3)


def split_branch(site: Site, node: ast.If) -> Proposals:
    """``if`` where ``elif`` was written."""
    if site.is_elif(node):
        start = site.view.span(node)[0]
        yield site.replace_lines((start, start + 4), "if", 0.6)


def key_check(site: Site, node: ast.Compare) -> Proposals:
    """Membership in the wrong collection."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.In, ast.NotIn)):
        return
    container = node.comparators[0]
    text = site.text(container)
    for known in site.variables:
        if known.kind in {"list", "set", "dict", "tuple"} and known.name != text:
            yield site.swap(container, known.name, 0.5 + 0.3 * closeness(text, known.name))
    if site.kind(container) in {"", "dict"} and isinstance(container, (ast.Name, ast.Attribute)):
        yield site.swap(container, f"{text}.values()", 0.6)
    if (
        isinstance(container, ast.Call)
        and callee_name(container) in {"keys", "values"}
        and isinstance(container.func, ast.Attribute)
    ):
        yield site.swap(container, site.text(container.func.value), 0.6)


def equality(site: Site, node: ast.Compare) -> Proposals:
    """Equality with a list of alternatives, or of texts that differ in case."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
        return
    right, same = node.comparators[0], isinstance(node.ops[0], ast.Eq)
    if isinstance(right, (ast.Tuple, ast.List, ast.Set)):
        yield site.swap(node, f"{site.wrapped(node.left, COMPARE + 1)} {'in' if same else 'not in'} {site.text(right)}")
    plain = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Call)
    if (
        isinstance(node.left, plain)
        and isinstance(right, plain)
        and {site.kind(node.left), site.kind(right)} <= {"", "str"}
    ):
        lowered = [t if t.endswith(".lower()") else f"{t}.lower()" for t in (site.text(node.left), site.text(right))]
        yield site.swap(node, f"{lowered[0]} {'==' if same else '!='} {lowered[1]}", 0.3)


def truth_of(site: Site, node: ast.AST) -> Proposals:
    """A condition that should be fixed to its opposite for one operand inside a larger one."""
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            if not isinstance(value, ast.Compare):
                yield site.swap(value, f"not {site.wrapped(value, NOT)}", 0.5)


TEMPLATES = (
    Template("extra-condition", 0.5, "a condition was too strict or too weak by one part", (ast.BoolOp,),
        drop_conjunct),
    Template("missing-condition", 0.4, "a condition lacked a part", (ast.If, ast.While, ast.IfExp), add_conjunct),
    Template("other-condition", 0.3, "the condition of another branch was meant", (ast.If, ast.While,
        ast.IfExp), other_condition),
    Template("none-or-empty", 0.55, "None and empty values were mixed up",
             (ast.If, ast.While, ast.IfExp, ast.BoolOp, ast.Compare, ast.comprehension), none_or_empty),
    Template("default-by-or", 0.6, "a default replaced a value that only looks empty", (ast.BoolOp,), default_by_or),
    Template("type-check", 0.45, "a type check was wrong", (ast.Call,), type_check),
    Template("exact-type", 0.4, "a type check refused subclasses", (ast.Compare,), exact_type),
    Template("branch-kind", 0.35, "the wrong kind of branch was used", (ast.If, ast.While), branch_kind),
    Template("split-branch", 0.5, "an `elif` should be tested on its own", (ast.If,), split_branch),
    Template("membership", 0.45, "membership was tested in the wrong collection", (ast.Compare,), key_check),
    Template("equality-kind", 0.4, "equality was tested in the wrong way", (ast.Compare,), equality),
    Template("negated-part", 0.4, "one part of a condition was not negated", (ast.BoolOp,), truth_of),
)  # fmt: skip
