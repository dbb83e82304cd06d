"""Preprocess: turn whatever the user gave as the problem into clean, bounded text.

What shows a fault best stays when a text is too long: its beginning, its end, tracebacks and code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from covey.core.redact import visible
from covey.models.context import clip

FOR_MODELS = 4_800
"""Bytes (UTF-8) of the problem that models see; it opens every prompt of a run, so it must fit a small window."""
FOR_RULES = 200_000
"""Bytes of the problem that rules read."""

KEPT = 1 << 20
"""Characters of the problem that a run keeps; a longer text is cut before anything is recorded."""
_RAW = 1 << 19  # characters looked at from each end: in more, what is odd would take seconds
_TRACE = "Traceback (most recent call last):"
_LONGEST_LINE = 1_500
_NOISE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufffd]{3,}"
)
_BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")
_TRACEBACK = re.compile(
    r"^[ \t]*Traceback \(most recent call last\):$.*?(?:^(?=\S)(?!Traceback)[^\n]*$|\Z)", re.M | re.S
)
_CODE = re.compile(r"^(`{3,12}|~{3,12})[^\n]*\n.*?(?:^\1[ \t]*$|\Z)", re.M | re.S)
_SHARES = {"head": 0.35, "tail": 0.2, "traceback": 0.2, "code": 0.15}
"""Parts of the room for each; the rest is for the words that say what was left out."""


def clean(text: str, size: int = FOR_MODELS) -> str:
    """Return ``text`` without noise, everything in it visible, in at most about ``size`` bytes of UTF-8.

    Runs of bytes that are no text become one remark, invisible and direction-changing characters are spelt out, lines
    that repeat are counted, long lines are cut. When that is still too long, the beginning and the end stay, and
    between them the last traceback and the first pieces of code.
    """
    if len(text) > 2 * _RAW:
        trace = max(0, text.rfind(_TRACE, _RAW, len(text) - _RAW))
        middle = text[trace : trace + _RAW // 32] if trace else ""
        text = f"{text[:_RAW]}\n[{len(text) - 2 * _RAW - len(middle)} characters left out]\n{middle}\n{text[-_RAW:]}"
    text = _NOISE.sub(_remark, text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _BLANK.sub("\n\n", visible(text))
    text = "\n".join(_lines(text.split("\n"))).strip()
    used = len(text.encode("utf-8", "replace"))
    if used <= size:
        return text
    return _shortened(text, int(size * len(text) / used))  # characters, where some take several bytes


def kept(text: str) -> str:
    """The user's words as they are; what is longer than :data:`KEPT` is cleaned and cut."""
    return text if len(text) <= KEPT else clean(text, KEPT)


def _remark(match: re.Match[str]) -> str:
    return f"[{len(match.group())} unreadable characters]"


def _lines(lines: list[str]) -> Iterator[str]:
    """Yield lines of bounded length; a line said more than three times in a row is counted instead."""
    at = 0
    while at < len(lines):
        line = lines[at]
        end = at + 1
        while end < len(lines) and lines[end] == line:
            end += 1
        shown = clip(line, _LONGEST_LINE * 2 // 3, _LONGEST_LINE // 3).replace("\n", " ")
        if end - at > 3 and line.strip():
            yield shown
            yield f"[the line above {end - at - 1} more times]"
        else:
            yield from [shown] * (end - at)
        at = end


def _shortened(text: str, room: int) -> str:
    """Keep head, tail, the last traceback and the first code, in the order of the text."""
    most = {name: int(room * share) for name, share in _SHARES.items()}
    parts = [(0, most["head"]), (len(text) - most["tail"], len(text))]
    traces = [match.span() for match in _TRACEBACK.finditer(text)]
    if traces:
        start, end = traces[-1]  # the end of a traceback says what happened
        parts.append((max(start, end - most["traceback"]), end))
    left = most["code"]
    for match in _CODE.finditer(text):
        start, end = match.start(), min(match.end(), match.start() + left)
        if end > start and not any(low <= start < high for low, high in parts):
            parts.append((start, end))
            left -= end - start
    shown, stop = [], 0
    for start, end in sorted(parts):
        if end <= stop:
            continue
        if start > stop:
            shown.append(f"\n[{start - stop} characters left out]\n")
        shown.append(text[max(start, stop) : end])
        stop = end
    return "".join(shown)
