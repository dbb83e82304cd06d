"""String formatting, joining and encoding."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from covey.repair.kinds import callee_name
from covey.repair.site import Site
from covey.repair.templates.base import Proposals, Template
from covey.repair.templates.quoting import is_docstring, is_piece

_FIELD = re.compile(r"\{[A-Za-z_][\w.\[\]]*(?:![rsa])?(?::[^{}]*)?\}")


def f_prefix(site: Site, node: ast.Constant) -> Proposals:
    """A missing ``f`` or ``r`` before a string."""
    if not isinstance(node.value, str) or is_docstring(site, node) or is_piece(site, node):
        return
    start, text = site.view.span(node)[0], site.text(node)
    fields = _FIELD.findall(node.value)
    if fields and text[:1] in "'\"" and all(re.split(r"[.\[!:}]", f[1:])[0] in site.names for f in fields):
        formatted = isinstance(site.parent(node), ast.Attribute)
        yield site.splice(start, start, "f", 0.3 if formatted else 2.0)
    if "\\" in text and text[:1] in "'\"":
        yield site.splice(start, start, "r", 0.4)
    elif text[:1] in "rR":
        yield site.splice(start, start + 1, "", 0.2)


def template_text(site: Site, node: ast.JoinedStr) -> Proposals:
    """The fixed parts, conversions and format of a formatted string."""
    start, end = site.view.span(node)
    text = site.view.text[start:end]
    if isinstance(site.parent(node), ast.FormattedValue) or text[:1] not in "fFrR":
        return
    for actual, expected in site.hints.pairs:
        if isinstance(actual, str) and isinstance(expected, str):
            for old, new in _differences(actual, expected):
                for match in list(re.finditer(re.escape(old), text))[:3] if old else []:
                    at = start + match.start()
                    yield site.splice(at, at + len(old), new, 1.2)
    for match in re.finditer(r"(?<!\{)\{([^{}!:]+)(![rsa])?(:[^{}]*)?\}(?!\})", text):
        yield from _field(site, start, match)
    yield site.splice(start, start + 1, "", 0.1)
    head = re.match(r"[fFrR]+['\"]+", text)
    if head:
        for old, new in (
            (", ", " "),
            (" ", ""),
            ("-", "_"),
            ("_", "-"),
            (":", ": "),
            (": ", ":"),
            (",", ", "),
            ("/", "."),
            (".", "/"),
        ):
            for match in list(re.finditer(re.escape(old), text[head.end() :]))[:4]:
                at = start + head.end() + match.start()
                yield site.splice(at, at + len(old), new, 0.25)
        for extra in (" ", "\\n"):
            yield site.splice(end - 1, end - 1, extra, 0.2)


def _differences(actual: str, expected: str) -> list[tuple[str, str]]:
    """Pairs of (text to replace, new text) with some context, from the first to the last difference."""
    head = 0
    while head < min(len(actual), len(expected)) and actual[head] == expected[head]:
        head += 1
    tail = 0
    while tail < min(len(actual), len(expected)) - head and actual[-1 - tail] == expected[-1 - tail]:
        tail += 1
    old, new = actual[head : len(actual) - tail], expected[head : len(expected) - tail]
    found = [(old, new)] if old else []
    before, after = actual[max(0, head - 1) : head], actual[len(actual) - tail : len(actual) - tail + 1]
    if before:
        found.append((before + old, before + new))
    if after:
        found.append((old + after, new + after))
    return found


def _field(site: Site, base: int, match: re.Match[str]) -> Proposals:
    inner, conversion, spec = match.groups()
    open_at, close_at = base + match.start(), base + match.end() - 1
    inner_end = open_at + 1 + len(inner)
    if conversion is None:
        yield site.splice(inner_end, inner_end, "!r", 0.4)
    else:
        yield site.splice(inner_end, inner_end + 2, "", 0.6)
    if spec is None:
        for text in (":.2f", ":.1f", ":02d", ":,", ":.0f", ":.3f", ":02x", ":.1%"):
            yield site.splice(close_at, close_at, text, 0.35)
        return
    for index, char in enumerate(spec):
        at = inner_end + len(conversion or "") + index
        if char.isdigit():
            for delta in (1, -1):
                if 0 <= int(char) + delta <= 9:
                    yield site.splice(at, at + 1, str(int(char) + delta), 0.7)
        for group in ("<>^", "dfegxXob%sn", ",_"):
            if char in group and index:
                for other in group:
                    if other != char:
                        yield site.splice(at, at + 1, other, 0.6 if group == "<>^" else 0.3)
    yield site.splice(inner_end + len(conversion or ""), close_at, "", 0.4)


def format_string(site: Site, node: ast.Constant) -> Proposals:
    """A format of ``%`` or ``str.format`` with a wrong field."""
    if not isinstance(node.value, str) or is_docstring(site, node) or is_piece(site, node):
        return
    start, text = site.view.span(node)[0], site.text(node)
    for begin, end, new, fit in (*_brace_fields(text), *_percent_fields(text)):
        yield site.splice(start + begin, start + end, new, fit)
    if "{}" in node.value and not isinstance(site.parent(node), ast.Attribute):
        for known in site.variables[:6]:
            yield site.swap(node, f"{text}.format({known.name})", 0.5)


def _brace_fields(text: str) -> Iterator[tuple[int, int, str, float]]:
    for match in re.finditer(r"\{(\d*)(?:![rsa])?(?::([^{}]*))?\}", text):
        if match.group(1):
            for value in (int(match.group(1)) + 1, int(match.group(1)) - 1):
                if 0 <= value <= 9:
                    yield match.start(1), match.end(1), str(value), 0.5
        for at, char in enumerate(match.group(2) or "", match.start(2)):
            if char.isdigit() and 0 < int(char) < 9:
                yield at, at + 1, str(int(char) + 1), 0.5
                yield at, at + 1, str(int(char) - 1), 0.5
            for other in "<>^" if char in "<>^" else "":
                if other != char:
                    yield at, at + 1, other, 0.6


def _percent_fields(text: str) -> Iterator[tuple[int, int, str, float]]:
    for match in re.finditer(r"%(?:0?([0-9]))?(?:\.([0-9]))?([sdrfxig])", text):
        for other in "sdrf":
            if other != match.group(3):
                yield match.start(3), match.end(3), other, 0.4
        for group in (1, 2):
            if match.group(group):
                for value in (int(match.group(group)) + 1, int(match.group(group)) - 1):
                    yield match.start(group), match.end(group), str(max(0, value)), 0.6


def percent(site: Site, node: ast.BinOp) -> Proposals:
    """Values of a ``%`` format."""
    if (
        not isinstance(node.op, ast.Mod)
        or site.kind(node.left) != "str"
        or isinstance(node.right, (ast.Tuple, ast.Dict))
    ):
        return
    right = site.text(node.right)
    yield site.swap(node.right, f"({right},)", 0.8)
    if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
        needed = len(re.findall(r"%[sdrfx]", node.left.value))
        for known in site.variables:
            if needed == 2 and known.name != right:
                yield site.swap(node.right, f"({right}, {known.name})", 1.0)


def join(site: Site, call: ast.Call) -> Proposals:
    """Joining values that are not text, or the parts the wrong way round."""
    func = call.func
    if (
        not (isinstance(func, ast.Attribute) and func.attr == "join" and len(call.args) == 1)
        or site.kind(func.value) == "module"
    ):
        return
    argument = call.args[0]
    text = site.text(argument)
    wrong_type = 1.6 if "expected str" in site.hints.message else 0.5
    yield site.swap(argument, f"map(str, {text})", wrong_type)
    if isinstance(argument, (ast.GeneratorExp, ast.ListComp)):
        yield site.swap(argument.elt, f"str({site.text(argument.elt)})", wrong_type)
    yield site.swap(argument, f"sorted({text})", 0.7)
    yield site.swap(argument, f"reversed({text})", 0.5)
    yield site.swap(call, f"{site.text(argument)}.join({site.text(func.value)})", 0.2)


def concatenate(site: Site, node: ast.BinOp) -> Proposals:
    """Text and a number put together."""
    if isinstance(node.op, ast.Add) and (
        site.hints.wrong_operands or "str" in {site.kind(node.left), site.kind(node.right)}
    ):
        for side, other in ((node.left, node.right), (node.right, node.left)):
            mixed = site.hints.wrong_operands and not isinstance(side, ast.Constant)
            if site.kind(other) in {"str", ""} and (mixed or site.kind(side) not in {"str", "list"}):
                yield site.swap(side, f"str({site.text(side)})", 1.5 if site.hints.wrong_operands else 0.4)
            if site.kind(other) in {"int", "float"} and site.kind(side) == "":
                yield site.swap(side, f"int({site.text(side)})", 1.0 if site.hints.wrong_operands else 0.2)
        if site.kind(node.left) == "str":
            for separator in ('" "', '"\\n"', '", "', '"/"', '"-"', '"_"', '"."'):
                end = site.view.span(node.left)[1]
                yield site.splice(end, end, f" + {separator}", 0.3)


def encoding(site: Site, call: ast.Call) -> Proposals:
    """Encoding arguments of text conversions."""
    name = callee_name(call)
    if name in {"encode", "decode"} and isinstance(call.func, ast.Attribute):
        end = site.view.span(call)[1] - 1
        if not call.args:
            for text in ('"utf-8", "replace"', '"utf-8", "ignore"', '"latin-1"', '"ascii", "ignore"'):
                yield site.splice(end, end, text, 0.4)
        elif len(call.args) == 1:
            for text in (', "replace"', ', "ignore"'):
                yield site.splice(end, end, text, 0.4)


TEMPLATES = (
    Template("string-prefix", 0.7, "a string lacked its prefix", (ast.Constant,), f_prefix),
    Template("formatted-string", 0.35, "a formatted string was wrong", (ast.JoinedStr,), template_text),
    Template("format", 0.4, "a format was wrong", (ast.Constant,), format_string),
    Template("percent-format", 0.4, "the values of a format were wrong", (ast.BinOp,), percent),
    Template("join", 0.45, "strings were joined in the wrong way", (ast.Call,), join),
    Template("concatenation", 0.4, "text was put together in the wrong way", (ast.BinOp,), concatenate),
    Template("encoding", 0.3, "text was encoded in the wrong way", (ast.Call,), encoding),
)  # fmt: skip
