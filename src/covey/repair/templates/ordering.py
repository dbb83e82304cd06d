"""Orders: by which part things are sorted or compared, and in what order equal ones come."""

from __future__ import annotations

import ast

from covey.repair.kinds import callee_name
from covey.repair.site import Site
from covey.repair.templates.base import Proposals, Template

_SORTERS = frozenset({"sorted", "sort", "min", "max", "groupby"})
_MOST = 6


def _fields(site: Site, shown: str) -> list[str]:
    """Attributes that elements of a sequence may have: those read of ``shown``, then of small classes of the file."""
    found = [name for name, _ in site.index.attributes[shown].most_common(_MOST)]
    for facts in site.index.classes.values():
        found += [name for name, kind in facts.attributes.items() if kind != "func" and not name.startswith("_")]
    methods = {name for facts in site.index.classes.values() for name in facts.methods}
    return [name for name in dict.fromkeys(found) if name not in methods][:_MOST]


def sort_key(site: Site, call: ast.Call) -> Proposals:
    """A sort by the wrong part, in the wrong direction, or without an order among equals."""
    if callee_name(call) not in _SORTERS:
        return
    given = next((k for k in call.keywords if k.arg == "key"), None)
    if given is None:
        end = max((site.view.span(a)[1] for a in (*call.args, *call.keywords)), default=site.view.span(call)[1] - 1)
        comma = ", " if call.args or call.keywords else ""
        if callee_name(call) in {"min", "max"} and len(call.args) != 1:
            return
        for name in _fields(site, "item"):
            yield site.splice(end, end, f"{comma}key=lambda item: item.{name}", 0.6)
        return
    if not isinstance(given.value, ast.Lambda) or len(given.value.args.args) != 1:
        return
    body, item = given.value.body, given.value.args.args[0].arg
    now = [site.text(part) for part in (body.elts if isinstance(body, ast.Tuple) else [body])]
    if not isinstance(body, (ast.UnaryOp, ast.Tuple)):
        yield site.swap(body, f"-{site.wrapped(body, 13)}", 0.8)
    others = [f"{item}.{name}" for name in _fields(site, item)] if f"{item}." in site.text(body) else []
    if f"{item}[" in site.text(body):
        others += [f"{item}[{index}]" for index in (0, 1, 2)]
    for other in [*others, item]:
        if other not in now and f"-{other}" not in now:
            yield site.swap(body, f"({', '.join([*now, other])})", 0.9 if other != item else 0.5)
            if len(now) == 1 and other != item:
                yield site.swap(body, f"({other}, {now[0]})", 0.6)
                yield site.swap(body, other, 0.7)
    if len(now) == 2:
        yield site.swap(body, f"({now[1]}, {now[0]})", 1.0)
        for index in (0, 1):
            if not now[index].startswith("-"):
                signed = [f"-{text}" if place == index else text for place, text in enumerate(now)]
                yield site.swap(body, f"({', '.join(signed)})", 0.8)
            yield site.swap(body, now[index], 0.5)


TEMPLATES = (
    Template("sort-key", 0.45, "things were put in the wrong order", (ast.Call,), sort_key),
)  # fmt: skip
