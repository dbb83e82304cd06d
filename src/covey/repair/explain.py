"""A candidate in plain words: where, what was wrong, what changed."""

from __future__ import annotations

from collections.abc import Mapping

from covey.core.patch import Candidate
from covey.repair.sources import Source, read_source
from covey.repair.templates.base import Template
from covey.repair.templates.table import BY_NAME
from covey.repair.view import View
from covey.workspace.edits import apply_edits

EVERYWHERE = "everywhere:"
"""Prefix of the origin of an edit that was made in several places at once."""


def parts_of(origin: str) -> list[str]:
    """Names of templates (or roles) in the origin of a candidate that is made of several."""
    return [name.strip() for name in origin.split("+")]


def _template(name: str) -> Template | None:
    return BY_NAME.get(name.removeprefix(EVERYWHERE).removesuffix("~literal"))


def fault(origin: str) -> str:
    """What was wrong, for the name of a template or a list of names joined by ``+``."""
    parts = []
    for name in parts_of(origin):
        template = _template(name)
        words = template.explanation if template else f"changed by {name}"
        parts.append(f"{words} in several places" if name.startswith(EVERYWHERE) else words)
    return ", and ".join(parts)


def changed(source: Source, splices: tuple[tuple[int, int, str], ...]) -> str:
    """The change as `old` → `new`, by whole lines, shortened to the first and last that differ."""
    first = source.line_at(min(s[0] for s in splices))
    last = source.line_at(max(max(s[0], s[1] - 1) for s in splices))
    start, stop = source.line_start(first), source.line_start(last + 1)
    before = source.text[start:stop]
    after = before
    for begin, end, text in sorted(splices, reverse=True):
        after = after[: begin - start] + text + after[end - start :]
    return _arrow(before, after)


def _arrow(before: str, after: str) -> str:
    old = [line.strip() for line in before.splitlines() if line.strip()]
    new = [line.strip() for line in after.splitlines() if line.strip()]
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    if not old and not new:
        return "the indentation changed"
    if not old:
        return f"added `{_short(new)}`"
    if not new:
        return f"removed `{_short(old)}`"
    if old == new:
        return "moved"
    return f"`{_short(old)}` became `{_short(new)}`"


def _short(lines: list[str], limit: int = 160) -> str:
    text = "; ".join(lines)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def explain(candidate: Candidate, sources: Mapping[str, bytes]) -> str:
    """Return sentences for a person: where the fault was, what it was, what changed."""
    parts = []
    for path in sorted({edit.path for edit in candidate.edits}):
        before = sources[path]
        edits = tuple(edit for edit in candidate.edits if edit.path == path)
        encoding = edits[0].encoding
        after = apply_edits(before, edits).decode(encoding, "replace")
        where = f"{path}:{candidate.line}" if path == candidate.path else path
        source = read_source(path, before)
        if isinstance(source, Source) and path == candidate.path:
            view = View(source)
            symbol = view.symbol(view.at(candidate.line)[0]) if view.at(candidate.line) else ""
            where = f"`{symbol}` ({where})" if symbol else where
        parts.append(f"In {where}, {_arrow_bytes(before.decode(encoding, 'replace'), after)}.")
    if not any(_template(name) for name in parts_of(candidate.origin)):
        return f"{' '.join(parts)} Written by a {candidate.origin}, not by a template."
    return f"{' '.join(parts)} The fault: {fault(candidate.origin)}."


def _arrow_bytes(before: str, after: str) -> str:
    old, new = before.splitlines(), after.splitlines()
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return _arrow("\n".join(old[head : len(old) - tail]), "\n".join(new[head : len(new) - tail]))
