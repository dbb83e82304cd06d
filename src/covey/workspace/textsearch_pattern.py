"""The dialect of regular expressions that ripgrep and Python's ``re`` read in the same way."""

from __future__ import annotations

import re

from covey.core.errors import AgentFeedback

MAX_PATTERN = 500
"""Characters of a pattern."""
_TOKEN = re.compile(
    r"(?P<escape>\\(?:[wWdDsSbBt]|[^\w\s]))"
    r"|(?P<set>\[\^?(?:[^\]\[\\&~|^-]|\\[wdst]|\\[^\w\s]|(?<=[\w.])-(?=\w))+\])"
    r"|(?P<repeat>(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??)"
    r"|(?P<open>\((?:\?:)?)"
    r"|(?P<close>\))"
    r"|(?P<or>\|)"
    r"|(?P<edge>[\^$])"
    r"|(?P<plain>[^\\\[\](){}*+?|^$])"
)
_REPEATABLE = ("set", "plain", "close", "escape")


class BadPattern(AgentFeedback):
    """A pattern that cannot be searched for; the message says why."""


def check_pattern(pattern: str, *, regex: bool) -> None:
    """Raise BadPattern unless every engine finds the same for ``pattern``."""
    if not pattern or len(pattern) > MAX_PATTERN:
        raise BadPattern(f"A pattern has 1 to {MAX_PATTERN} characters; this one has {len(pattern)}.")
    if any(char in pattern for char in "\n\r\0") or not pattern.replace("\t", "").isprintable():
        raise BadPattern("A pattern is one line of printable text; search for one of its lines.")
    if not regex:
        return
    if not pattern.isascii():
        raise BadPattern("A regular expression is ASCII; search for the text itself, without regex.")
    at, before = 0, "open"
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None or token.lastgroup is None:
            raise BadPattern(f"The expression cannot be read at {pattern[at : at + 10]!r}; escape it or leave it out.")
        kind = token.lastgroup
        if kind == "repeat" and (before not in _REPEATABLE or pattern[at - 2 : at] in ("\\b", "\\B")):
            raise BadPattern(f"{token.group()!r} in the expression repeats nothing; escape it or leave it out.")
        at, before = token.end(), kind
    try:
        re.compile(pattern.encode("ascii"))
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern(f"The expression cannot be read: {error}.") from None
