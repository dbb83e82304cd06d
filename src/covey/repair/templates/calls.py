"""Arguments: swapped, missing, superfluous or wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from covey.repair.index import Signature
from covey.repair.kinds import callee_name, compatible
from covey.repair.near import closeness
from covey.repair.site import BUILTINS, Site
from covey.repair.templates.base import Proposals, Template

_KEYWORDS: dict[str, tuple[str, ...]] = {
    "sorted": ("reverse=True", "key=str.lower", "key=len", "key=lambda item: item[0]", "key=lambda item: item[1]"),
    "sort": ("reverse=True", "key=str.lower", "key=len", "key=lambda item: item[1]"),
    "max": ("default=None", "default=0", "key=len"),
    "min": ("default=None", "default=0", "key=len"),
    "open": ('encoding="utf-8"', 'newline=""'),
    "dumps": ("sort_keys=True", "ensure_ascii=False", "indent=2", "default=str"),
    "dump": ("sort_keys=True", "ensure_ascii=False", "indent=2"),
    "gather": ("return_exceptions=True",),
    "makedirs": ("exist_ok=True",),
    "mkdir": ("exist_ok=True", "parents=True, exist_ok=True"),
    "unlink": ("missing_ok=True",),
    "dataclass": ("frozen=True", "order=True", "eq=True"),
    "print": ('end=""',),
    "zip": ("strict=True",),
    "splitlines": ("keepends=True",),
    "wraps": (),
    "parse_qs": ("keep_blank_values=True",),
    "compile": ("re.IGNORECASE", "re.MULTILINE", "re.DOTALL"),
    "match": ("re.IGNORECASE", "re.DOTALL"),
    "search": ("re.IGNORECASE", "re.DOTALL", "re.MULTILINE"),
    "findall": ("re.IGNORECASE", "re.MULTILINE"),
    "sub": ("flags=re.IGNORECASE", "count=1"),
}
_POSITIONAL: dict[str, tuple[str, ...]] = {
    "get": ("0", '""', "[]", "{}", "None", "False"),
    "pop": ("None", "0", "-1"),
    "next": ("None",),
    "getattr": ("None",),
    "round": ("2", "1", "0"),
    "split": ("1", "None, 1", '","', '" "'),
    "rsplit": ("1", "None, 1"),
    "strip": ('"/"', '"\\n"'),
    "rstrip": ('"\\n"', '"/"'),
    "lstrip": ('"/"',),
    "replace": ("1",),
    "int": ("16", "2", "10"),
    "sum": ("0", "[]"),
    "enumerate": ("1", "start=1"),
    "setdefault": ("[]", "{}", "0", "set()"),
    "sleep": ("0",),
    "range": (),
    "defaultdict": ("list", "int", "set", "dict"),
    "iter": (),
}


def _plain(call: ast.Call) -> bool:
    return not any(isinstance(a, ast.Starred) for a in call.args) and all(k.arg for k in call.keywords)


def _signature(site: Site, call: ast.Call) -> Signature | None:
    name = callee_name(call)
    if name == "super" or not name:
        return None
    if isinstance(call.func, ast.Name) and name == "cls" and site.method_class is not None:
        name = site.method_class.name
    found = site.package.signatures.get(name, [])
    return found[0] if found else None


def swap_arguments(site: Site, call: ast.Call) -> Proposals:
    """Two arguments the wrong way round."""
    if not _plain(call) or len(call.args) < 2 or len(call.args) > 6:
        return
    name = callee_name(call)
    symmetric = name in {"min", "max", "print", "zip", "gcd", "hypot"}
    signature = _signature(site, call)
    for left in range(len(call.args)):
        for right in range(left + 1, len(call.args)):
            a, b = call.args[left], call.args[right]
            if site.text(a) == site.text(b):
                continue
            fit = 1.0 if right == left + 1 else 0.5
            if signature is not None and len(signature.positional) > right:
                now = closeness(site.text(a), signature.positional[left]) + closeness(
                    site.text(b), signature.positional[right]
                )
                then = closeness(site.text(b), signature.positional[left]) + closeness(
                    site.text(a), signature.positional[right]
                )
                fit *= min(1.6, max(0.5, 1 + (then - now) / 2))
            if (
                not compatible(site.kind(a), site.kind(b))
                and signature is None
                and name not in {"isinstance", "getattr"}
            ):
                fit *= 0.7
            yield site.both(site.swap(a, site.text(b)), site.swap(b, site.text(a)), fit=fit * (0.2 if symmetric else 1))
    if len(call.keywords) > 1:
        for one, other in pairwise(call.keywords):
            yield site.both(
                site.swap(one.value, site.text(other.value)), site.swap(other.value, site.text(one.value)), fit=0.7
            )


def _spans(site: Site, call: ast.Call) -> list[tuple[int, int]]:
    parts: list[ast.AST] = sorted([*call.args, *call.keywords], key=site.view.span)
    return [site.view.span(part) for part in parts]


def drop_argument(site: Site, call: ast.Call) -> Proposals:
    """An argument too many."""
    spans = _spans(site, call)
    known = _signature(site, call)
    too_many = known is not None and not known.open and len(call.args) > len(known.positional)
    for index, (start, end) in enumerate(spans):
        if index + 1 < len(spans):
            span = (start, spans[index + 1][0])
        elif index:
            span = (spans[index - 1][1], end)
        else:
            span = (start, end)
        last = index == len(spans) - 1
        unexpected = any(
            k.arg in site.hints.unexpected and site.view.span(k) == (start, end) for k in call.keywords if k.arg
        )
        needed = known is not None and not known.open and len(spans) <= known.required
        fit = 1.6 if unexpected or too_many else 0.15 if needed else 0.7 if last else 0.45
        yield site.splice(*span, "", fit)


def _values_for(site: Site, parameter: str, call: ast.Call, position: int | None) -> Iterator[tuple[str, float]]:
    """Yield texts that may be passed for a parameter, likeliest first."""
    for known in site.variables:
        if known.name == parameter:
            yield known.name, 1.5
    if site.self_name:
        for attribute in site.attributes:
            if attribute.lstrip("_") == parameter.lstrip("_"):
                yield f"{site.self_name}.{attribute}", 1.3
    for other in site.index.calls.get(callee_name(call), []):
        if other is call:
            continue
        for keyword in other.keywords:
            if keyword.arg == parameter and _visible(site, keyword.value):
                yield site.text(keyword.value), 0.8
        if position is not None and position < len(other.args) and _visible(site, other.args[position]):
            yield site.text(other.args[position]), 0.7
    for known in site.variables:
        near = closeness(known.name, parameter)
        unread = 0.6 if known.loads == 0 else 0.0
        if known.name != parameter and near + unread > 0.35:
            yield known.name, 0.3 + 0.5 * near + unread


def _visible(site: Site, node: ast.AST) -> bool:
    return all(n.id in site.names or n.id in BUILTINS for n in ast.walk(node) if isinstance(n, ast.Name))


def add_argument(site: Site, call: ast.Call) -> Proposals:
    """A missing argument of a function whose signature is known here."""
    signature = _signature(site, call)
    if signature is None or not _plain(call):
        return
    given = {k.arg for k in call.keywords}
    spans = _spans(site, call)
    end = spans[-1][1] if spans else site.view.span(call)[1] - 1
    comma = ", " if spans else ""
    urgent = callee_name(call) in site.hints.callees
    for position, parameter in enumerate(signature.names):
        if parameter in given or (position < len(call.args) and position < len(signature.positional)):
            continue
        required = position < signature.required
        seen: set[str] = set()
        for text, fit in _values_for(site, parameter, call, position):
            if text in seen or len(seen) > 6:
                continue
            seen.add(text)
            boost = (
                1.5 if parameter in site.hints.missing_arguments or (required and urgent) else 1.2 if required else 1.0
            )
            next_one = position == len(call.args) and position < len(signature.positional) and not call.keywords
            written = text if next_one else f"{parameter}={text}"
            yield site.splice(end, end, comma + written, fit * boost)
        if not required:
            for text in ("True", "False", "None"):
                yield site.splice(end, end, f"{comma}{parameter}={text}", 0.3)
    if call.args and signature.required > len(call.args) and not call.keywords:
        start = site.view.span(call.args[0])[0]
        for known in site.variables[:8]:
            yield site.splice(start, start, f"{known.name}, ", 0.5 if known.loads else 0.9)
        if site.self_name and isinstance(call.func, ast.Attribute):
            yield site.splice(start, start, f"{site.self_name}, ", 0.6)


def add_known_argument(site: Site, call: ast.Call) -> Proposals:
    """A missing argument of a well-known function."""
    name = callee_name(call)
    if name in site.package.signatures and isinstance(call.func, ast.Name):
        return
    spans = _spans(site, call)
    end = spans[-1][1] if spans else site.view.span(call)[1] - 1
    comma = ", " if spans else ""
    given = {k.arg for k in call.keywords}
    for text in _KEYWORDS.get(name, ()):
        flag = text.startswith("re.") or "=re." in text
        if text.split("=")[0] in given or (flag and "re" not in site.names):
            continue
        yield site.splice(end, end, comma + text, 0.6)
    fewest = {
        "get": 1,
        "next": 1,
        "getattr": 2,
        "round": 1,
        "int": 1,
        "sum": 1,
        "enumerate": 1,
        "setdefault": 1,
        "replace": 2,
    }
    most = fewest.get(name, 0) if name in fewest else 1 if name in {"pop", "split", "rsplit"} else 0
    if (not call.keywords and len(call.args) == most) or (name in {"pop", "split", "strip"} and not call.args):
        for text in _POSITIONAL.get(name, ()):
            key_error = name in {"get", "pop", "next", "getattr"} and site.hints.types & {
                "KeyError", "StopIteration", "AttributeError", "IndexError", "TypeError"}  # fmt: skip
            yield site.splice(end, end, comma + text, 0.9 if key_error else 0.5)
        if most and name in {"get", "pop", "getattr", "next", "round", "split", "setdefault", "replace"}:
            for known in site.variables:
                near = "default" in known.name or known.loads == 0
                yield site.splice(end, end, comma + known.name, 1.3 if near else 0.25)
    for other in site.index.calls.get(name, [])[:30]:
        following = other.args[len(call.args)] if len(other.args) > len(call.args) and not call.keywords else None
        if following is not None and not isinstance(following, ast.Starred) and _visible(site, following):
            yield site.splice(end, end, comma + site.text(following), 0.5)
        for keyword in other.keywords:
            if other is not call and keyword.arg and keyword.arg not in given and _visible(site, keyword.value):
                yield site.splice(end, end, f"{comma}{keyword.arg}={site.text(keyword.value)}", 0.6)


def argument_from_sibling(site: Site, call: ast.Call) -> Proposals:
    """The argument that other calls of the same function pass at this place."""
    name = callee_name(call)
    for position, argument in enumerate(call.args):
        if isinstance(argument, ast.Starred):
            return
        seen = {site.text(argument)}
        for other in site.index.calls.get(name, [])[:30]:
            if other is call or position >= len(other.args) or len(seen) > 6:
                continue
            text = site.text(other.args[position])
            if text not in seen and len(text) < 80 and _visible(site, other.args[position]):
                seen.add(text)
                yield site.swap(argument, text, 0.5)
    for keyword in call.keywords:
        seen = {site.text(keyword.value)}
        for other in site.index.calls.get(name, [])[:30]:
            for theirs in other.keywords:
                text = site.text(theirs.value)
                if theirs.arg == keyword.arg and text not in seen and len(text) < 80 and _visible(site, theirs.value):
                    seen.add(text)
                    yield site.swap(keyword.value, text, 0.6)


def missing_value(site: Site, node: ast.Constant) -> Proposals:
    """A fixed None or empty value where a variable, an attribute or a call was meant."""
    if node.value not in (None, "", 0, True, False) or isinstance(site.parent(node), (ast.Compare, ast.arg, ast.Expr)):
        return
    if isinstance(site.parent(node), (ast.JoinedStr, ast.FormattedValue, ast.Subscript, ast.BinOp)):
        return
    parent = site.parent(node)
    if isinstance(parent, ast.Call):
        signature = _signature(site, parent)
        position = next((i for i, a in enumerate(parent.args) if a is node), -1)
        if signature is not None and 0 <= position < len(signature.positional):
            for text, fit in list(_values_for(site, signature.positional[position], parent, position))[:6]:
                yield site.swap(node, text, fit)
    target = parent.targets[0] if isinstance(parent, ast.Assign) else None
    wanted = target.attr if isinstance(target, ast.Attribute) else parent.arg if isinstance(parent, ast.keyword) else ""
    for known in site.variables:
        if known.name == getattr(target, "id", ""):
            continue
        same = wanted and known.name.lstrip("_") == (wanted or "").lstrip("_")
        unread = known.loads == 0
        yield site.swap(node, known.name, 1.6 if same else 1.2 if unread else 0.4)
    for name in site.index.constants:
        if name.isupper() and site.facts.loads[name] == 0:
            yield site.swap(node, name, 0.5 if site.index.loads[name] == 0 else 0.25)
    if site.self_name and site.function is not None and site.function.name != "__init__":
        for attribute, kind in list(site.attributes.items())[:12]:
            if kind != "func":
                yield site.swap(node, f"{site.self_name}.{attribute}", 0.3)


def keyword_name(site: Site, call: ast.Call) -> Proposals:
    """A keyword spelt wrong or taken for another."""
    signature = _signature(site, call)
    names = set(signature.names) if signature else set()
    for other in site.index.calls.get(callee_name(call), []):
        names.update(k.arg for k in other.keywords if k.arg)
    given = {k.arg for k in call.keywords}
    for keyword in call.keywords:
        if not keyword.arg:
            continue
        start = site.view.span(keyword)[0]
        wrong = keyword.arg in site.hints.unexpected or (signature is not None and keyword.arg not in names)
        for name in sorted(names - given):
            fit = 0.4 + 0.6 * closeness(name, keyword.arg)
            yield site.splice(start, start + len(keyword.arg), name, fit * (1.5 if wrong else 1))
        stripped = keyword.arg.rstrip("X_").removeprefix("XX")
        if stripped and stripped != keyword.arg and stripped.isidentifier():
            yield site.splice(start, start + len(keyword.arg), stripped, 0.4)


def star(site: Site, call: ast.Call) -> Proposals:
    """A missing or superfluous star before an argument."""
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            yield site.swap(argument, site.text(argument.value), 0.9)
        elif len(call.args) <= 2 and site.kind(argument) in {"", "list", "tuple", "iter", "set"}:
            likely = isinstance(argument, (ast.Name, ast.ListComp, ast.GeneratorExp, ast.List))
            wanted = callee_name(call) in {"gather", "zip", "chain", "product", "max", "min", "print", "join", "format"}
            variadic = (
                site.function is not None
                and isinstance(argument, ast.Name)
                and (getattr(site.function.args.vararg, "arg", None) == argument.id)
            )
            if likely and (
                wanted or variadic or callee_name(call) not in {"len", "list", "str", "int", "set", "sorted", "append"}
            ):
                yield site.swap(argument, "*" + site.wrapped(argument, 7), 1.2 if variadic else 0.7 if wanted else 0.25)
        if isinstance(argument, ast.Name) and site.kind(argument) == "dict":
            kwargs = site.function is not None and getattr(site.function.args.kwarg, "arg", None) == argument.id
            yield site.swap(argument, f"**{argument.id}", 1.2 if kwargs else 0.4)
    if site.function is not None and not any(isinstance(a, ast.Starred) for a in call.args):
        kwarg, vararg = site.function.args.kwarg, site.function.args.vararg
        end = (_spans(site, call) or [(0, site.view.span(call)[1] - 1)])[-1][1]
        comma = ", " if call.args or call.keywords else ""
        if kwarg and not any(k.arg is None for k in call.keywords):
            yield site.splice(end, end, f"{comma}**{kwarg.arg}", 1.0 if site.facts.loads[kwarg.arg] == 0 else 0.5)
        if vararg and not call.keywords:
            yield site.splice(end, end, f"{comma}*{vararg.arg}", 1.0 if site.facts.loads[vararg.arg] == 0 else 0.5)


TEMPLATES = (
    Template("swapped-arguments", 0.65, "arguments were in the wrong order", (ast.Call,), swap_arguments),
    Template("extra-argument", 0.3, "a call had an argument too many", (ast.Call,), drop_argument),
    Template("missing-argument", 0.6, "a call lacked an argument", (ast.Call,), add_argument),
    Template("missing-known-argument", 0.45, "a call lacked an optional argument", (ast.Call,), add_known_argument),
    Template("argument-of-sibling-call", 0.4, "a call passed the wrong value", (ast.Call,), argument_from_sibling),
    Template("missing-value", 0.4, "a fixed value stood in place of a variable", (ast.Constant,), missing_value),
    Template("keyword-name", 0.5, "the wrong keyword was used", (ast.Call,), keyword_name),
    Template("star-argument", 0.45, "an argument was not unpacked, or was unpacked wrongly", (ast.Call,), star),
)  # fmt: skip
