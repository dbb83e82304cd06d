"""String literals: the wrong text, separator or pattern."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import SequenceMatcher

from covey.repair.kinds import callee_name
from covey.repair.near import closeness
from covey.repair.site import Site
from covey.repair.templates.base import Proposals, Template
from covey.repair.templates.quoting import is_docstring, is_piece, quote

_SEPARATORS = ('""', '" "', '","', '", "', '"\\n"', '"-"', '"_"', '"."', '"/"', '":"', '": "', '";"', '"|"', '"\\t"')
_GROUPS = (
    ("r", "w", "a", "rb", "wb", "ab", "r+", "w+", "x"),
    ("strict", "ignore", "replace", "backslashreplace", "surrogateescape"),
    ("utf-8", "ascii", "latin-1", "utf-8-sig", "utf-16"),
    ("little", "big"),
    ("left", "right", "center", "inner", "outer"),
    ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"),
    ("asc", "desc"),
    ("min", "max"),
    ("start", "end"),
    ("first", "last"),
    ("row", "col", "column"),
    ("x", "y", "z"),
    ("key", "value"),
    ("name", "id"),
)
_DIRECTIVES = ("mM", "dD", "yY", "HI", "sS", "jd", "bB", "aA", "sd", "sr", "df", "IM", "HM")
_CLASSES = {"*": "+?", "+": "*?", "?": "*+", "d": "wDs", "w": "dWS", "s": "Swd", "D": "d", "W": "w", "S": "s", "b": "B",
            "Z": "z"}  # fmt: skip


def _from_difference(site: Site, value: str) -> Iterator[str]:
    """Yield what the literal would be if the actual text were to become the expected one."""
    for actual, expected in site.hints.pairs:
        if not (isinstance(actual, str) and isinstance(expected, str)) or actual == expected:
            continue
        if value and value == actual:
            yield expected
        if len(actual) > 2000 or len(expected) > 2000:
            continue
        core = max((part for part in value.replace("%s", "{}").split("{}")), key=len) if value else ""
        for tag, a0, a1, b0, b1 in SequenceMatcher(None, actual, expected, autojunk=False).get_opcodes():
            old, new = actual[a0:a1], expected[b0:b1]
            if tag == "replace" and old and old in value:
                yield value.replace(old, new)
            elif tag == "delete" and old in value and value != old:
                yield value.replace(old, "")
            elif tag == "insert" and core:
                at = a0 - actual.find(core) if core in actual else -1
                if 0 <= at <= len(core):
                    offset = value.find(core) + at
                    yield value[:offset] + new + value[offset:]
        if value and value in actual and (at := actual.find(value)) >= 0:
            head, tail = actual[:at], actual[at + len(value) :]
            if expected.startswith(head) and expected.endswith(tail) and len(head) + len(tail) <= len(expected):
                yield expected[len(head) : len(expected) - len(tail)]


def _is_key(site: Site, node: ast.Constant) -> bool:
    """True for a text by which something is looked up: ``d["k"]``, ``d.get("k")``, ``"k" in d``."""
    parent = site.parent(node)
    if isinstance(parent, ast.Call):
        looked = callee_name(parent) in {"get", "pop", "setdefault", "getattr", "hasattr", "setattr"}
        return looked and node in parent.args[:2]
    if isinstance(parent, ast.Compare):
        return parent.left is node and isinstance(parent.ops[0], (ast.In, ast.NotIn))
    return isinstance(parent, ast.Subscript)


def _wanted(site: Site, node: ast.Constant, value: str) -> dict[str, float]:
    """Other texts that may have been meant, with their fit."""
    wanted: dict[str, float] = {}
    for new in _from_difference(site, value):
        wanted.setdefault(new, 1.6)
    for new in (value.lower(), value.upper(), value.capitalize(), value.strip(), value.title()):
        wanted.setdefault(new, 0.5)
    for new in (new for group in _GROUPS if value in group for new in group):
        wanted.setdefault(new, 0.7)
    looked_up = _is_key(site, node)
    for other in list(site.index.strings)[:400]:
        near = closeness(value, other)
        if near >= 0.6:
            wanted[other] = max(wanted.get(other, 0), 1.1 * near)
        elif looked_up and other.isidentifier():
            wanted.setdefault(other, 0.3)
    for expected in site.hints.expected():
        if isinstance(expected, str) and len(expected) < 80:
            wanted.setdefault(expected, 0.9 if closeness(value, expected) > 0.6 else 0.3)
    for key in sorted(site.hints.keys):
        wanted.setdefault(key, 0.6 if closeness(value, key) > 0.5 else 0.2)
    for known in site.variables:
        if known.name.lower() == value.lower() or closeness(value, known.name) > 0.75:
            wanted.setdefault(known.name, 0.5)
    if value.startswith(" ") or value.endswith(" ") or len(value) <= 1:
        wanted.setdefault(value + " ", 0.3)
    if value[:2] == value[-2:] and value[:2].isalnum() and len(value) > 4:
        wanted.setdefault(value[2:-2], 1.0)
    wanted.pop(value, None)
    return wanted


def string(site: Site, node: ast.Constant) -> Proposals:
    """Another string: other case, a near key of the same file, a sibling value, what the failure shows."""
    value = node.value
    if not isinstance(value, str) or is_docstring(site, node) or is_piece(site, node) or len(value) > 300:
        return
    like = site.text(node)
    if "\n" in like or like[:1] not in "'\"":
        return
    asked = {e for e in site.hints.expected() if isinstance(e, str)}
    for new, fit in sorted(_wanted(site, node, value).items(), key=lambda item: -item[1])[:24]:
        yield site.swap(node, quote(new, like), fit, note="literal" if new in asked else "")


def separator(site: Site, node: ast.Constant) -> Proposals:
    """Another short separator."""
    value = node.value
    if not isinstance(value, str) or len(value) > 2 or any(c.isalnum() for c in value) or is_docstring(site, node):
        return
    if is_piece(site, node):
        return
    for text in _SEPARATORS:
        other = ast.literal_eval(text)
        if other != value:
            yield site.swap(node, quote(other, site.text(node)), 0.8 if value.strip() == other.strip() else 0.5)


def pattern(site: Site, node: ast.Constant) -> Proposals:
    """One character of a regular expression or of a date format."""
    value, like = node.value, site.text(node)
    if not isinstance(value, str) or is_docstring(site, node) or is_piece(site, node):
        return
    if not 1 < len(value) <= 120 or "\n" in like:
        return
    if "%" in value and not any(mark in value for mark in "\\[("):
        for new in _date_formats(like):
            yield site.swap(node, new, 0.8)
    elif any(mark in value for mark in "\\[]()^$*+?{}|"):
        for new, fit in _expressions(value, like):
            yield site.swap(node, new, fit)


def _date_formats(like: str) -> Iterator[str]:
    for index, char in enumerate(like):
        if index and like[index - 1] == "%":
            for pair in _DIRECTIVES:
                if char in pair:
                    yield like[:index] + pair.replace(char, "") + like[index + 1 :]


def _expressions(value: str, like: str) -> Iterator[tuple[str, float]]:
    head = 2 if like[:1] in "rRbBfF" else 1
    for index in range(head, len(like) - 1):
        char, before = like[index], like[index - 1]
        left, right = like[:index], like[index + 1 :]
        if (before == "\\") == char.isalpha():
            for new in _CLASSES.get(char, ""):
                yield left + new + right, 0.6
        if char in "*+?^$":
            yield left + right, 0.4
        if char in "*+}" and right[:1] != "?":
            yield left + char + "?" + right, 0.4
        if char in ".+*?()[]|" and before != "\\" and like[:1] in "rR":
            yield left + "\\" + char + right, 0.4
    if not value.startswith("^"):
        yield like[:head] + "^" + like[head:], 0.4
    if not value.endswith(("$", "\\Z")):
        yield like[:-1] + "$" + like[-1:], 0.4


TEMPLATES = (
    Template("string", 0.45, "a string was wrong", (ast.Constant,), string),
    Template("separator", 0.4, "a separator was wrong", (ast.Constant,), separator),
    Template("pattern", 0.35, "a pattern was wrong in one character", (ast.Constant,), pattern),
)
