"""How alike two names or short strings are, 0 to 1."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


@lru_cache(maxsize=65536)
def closeness(left: str, right: str) -> float:
    """Likeness by words in common or by characters, whichever is greater; equal strings give 1."""
    if left == right:
        return 1.0
    if not left or not right:
        return 0.0
    a, b = left.lower().replace("_", " ").strip(), right.lower().replace("_", " ").strip()
    if a == b:
        return 0.95
    if len(a) > 80 or len(b) > 80:
        return 0.0
    words_a, words_b = set(_WORDS.findall(left.replace("_", " "))), set(_WORDS.findall(right.replace("_", " ")))
    common = {w.lower() for w in words_a} & {w.lower() for w in words_b}
    words = len(common) / max(len(words_a), len(words_b)) if words_a and words_b else 0.0
    short, long = sorted((a, b), key=len)
    prefix = len(short) / len(long) if long.startswith(short) else 0.0
    most = 2 * sum(min(a.count(c), b.count(c)) for c in set(short)) / (len(a) + len(b))  # a bound of the ratio
    if most <= max(words, prefix):
        return max(words, prefix) * 0.9
    if most < 0.5:  # about what the exact ratio comes to, for a tenth of its price
        return max(words, prefix, 0.75 * most) * 0.9
    return max(words, prefix, SequenceMatcher(None, a, b, autojunk=False).ratio()) * 0.9
