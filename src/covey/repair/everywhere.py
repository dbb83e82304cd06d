"""The same edit in every place of a function or class where the same wrong thing stands."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from covey.repair.site import Proposal, Site
from covey.repair.view import View

_MOST = 8

Spans = dict[str, list[tuple[int, int]]]


def occurrences(view: View, holder: ast.AST) -> Spans:
    """Spans of names read, attribute names, literals and comparison signs below a node, by their text."""
    found: Spans = defaultdict(list)
    for node in ast.walk(holder):
        if isinstance(node, (ast.Name, ast.Constant)):
            parent = view.parents.get(node)
            if isinstance(parent, (ast.JoinedStr, ast.FormattedValue)) and isinstance(node, ast.Constant):
                continue
            if isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                span = view.span(node)
                found[view.text[slice(*span)]].append(span)
        elif isinstance(node, ast.Attribute):
            end = view.span(node)[1]
            found[f".{node.attr}"].append((end - len(node.attr), end))
        elif isinstance(node, (ast.Compare, ast.BinOp)):
            _signs(view, node, found)
    return found


def _signs(view: View, node: ast.Compare | ast.BinOp, found: Spans) -> None:
    """Add the spans of the operators of a comparison or sum."""
    operands = [node.left, *node.comparators] if isinstance(node, ast.Compare) else [node.left, node.right]
    for left, right in pairwise(operands):
        start, stop = view.span(left)[1], view.span(right)[0]
        gap = view.text[start:stop]
        sign = gap.strip(" ()")
        if sign and "\n" not in gap:
            at = start + gap.index(sign)
            found[sign].append((at, at + len(sign)))


def widened(site: Site, proposal: Proposal, cache: dict[ast.AST, Spans]) -> Iterator[Proposal]:
    """Yield the edit made everywhere in the function, then everywhere in the class."""
    if len(proposal.splices) != 1 or proposal.wide:
        return
    start, end, text = proposal.splices[0]
    old = site.view.text[start:end]
    if not old or "\n" in old:
        return
    if site.view.text[start - 1 : start] == ".":
        old = "." + old
    last = 1
    for holder, fit in ((site.function, 0.5), (site.method_class, 0.4)):
        if holder is None:
            continue
        if holder not in cache:
            cache[holder] = occurrences(site.view, holder)
        spans = cache[holder].get(old, [])
        if last < len(spans) <= _MOST and (start, end) in spans:
            last = len(spans)
            yield Proposal(tuple((a, b, text) for a, b in sorted(spans)), proposal.fit * fit, wide=True)
