"""Which of several plausible candidates to show first.

A test-suite is a weak specification: many wrong edits pass it. The judge knows nothing of the tests beyond the
verdicts; it prefers small edits of likely kinds at suspicious places and demotes the kinds that are known to overfit.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from covey.core.patch import Candidate
from covey.core.repair import Scored, Standing, Verdict
from covey.repair.explain import EVERYWHERE, parts_of
from covey.repair.sources import Source, read_source
from covey.repair.templates.table import BY_NAME
from covey.repair.view import FUNCTIONS
from covey.workspace.edits import changes_of

LITERAL = "~literal"
"""Suffix of the origin of a candidate whose new value was read from the failure."""

_KINDS: dict[str, tuple[float, str]] = {
    "delete-statement": (0.35, "it deletes a statement"),
    "unwrap-block": (0.5, "it removes a condition"),
    "comparison-opposite": (0.6, "it turns a comparison round"),
    "boolean-operator": (0.8, "it exchanges `and` and `or`"),
    "missing-not": (0.7, "it negates a condition"),
    "negated-part": (0.6, "it negates part of a condition"),
    "early-exit": (0.6, "it leaves early before the code that failed"),
    "conditional-statement": (0.7, "it makes a statement conditional"),
    "conditional-expression": (0.7, "it makes an expression conditional"),
    "uncaught-exception": (0.4, "it catches the error instead of preventing it"),
    "other-condition": (0.6, "it takes over an unrelated condition"),
    "missing-condition": (0.75, "it adds a condition"),
    "return-value": (0.8, "it returns another value"),
    "jump": (0.9, "it changes how a loop goes on"),
    "or-default": (0.8, "it hides a missing value behind a default"),
    "check-of-sibling": (0.8, "it takes over a check of another function"),
    "condition-as-elsewhere": (0.85, "it takes over part of a condition"),
    "operand-as-elsewhere": (0.85, "it takes over a term from elsewhere"),
    "missing-bound": (0.8, "it keeps a number within a bound"),
    "missing-part": (0.8, "it takes part of a sequence"),
    "default-for-none": (0.85, "it fills in a default"),
    "missing-else": (0.85, "it adds a branch"),
    "both-boundaries": (0.9, "it moves both ends of a range"),
}
_TOKEN = re.compile(r"\w+|[^\w\s]")
_MOST_TOKENS = 400
_WORD = re.compile(r"[A-Za-z_]\w*")


def _size(candidate: Candidate, sources: Mapping[str, bytes]) -> int:
    """Tokens taken away or put in."""
    total = 0
    for edit in candidate.edits:
        old = sources[edit.path][edit.start : edit.end].decode(edit.encoding, "replace")
        a, b = _TOKEN.findall(old)[:_MOST_TOKENS], _TOKEN.findall(edit.text)[:_MOST_TOKENS]
        changes = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
        total += sum(max(a1 - a0, b1 - b0) for tag, a0, a1, b0, b1 in changes if tag != "equal")
    return total


def _new_condition_is_foreign(candidate: Candidate, sources: Mapping[str, bytes]) -> bool:
    """True when an added condition talks about names that the statement's neighbourhood does not use."""
    if not re.match(r"early-exit|missing-condition|conditional-statement", candidate.origin):
        return False
    for edit in candidate.edits:
        data = sources[edit.path]
        around = data[max(0, edit.start - 200) : edit.end + 200].decode(edit.encoding, "replace")
        known = set(_WORD.findall(around))
        for test in re.findall(r"\bif (.+?):", edit.text):
            if set(_WORD.findall(test)) - known - {"not", "is", "None", "in", "and", "or", "len", "isinstance"}:
                return True
    return False


def _unread(path: str, data: bytes, line: int) -> frozenset[str] | None:
    """Parameters that the function around a line never reads; None outside functions and in unreadable files."""
    source = read_source(path, data)
    if not isinstance(source, Source):
        return None
    around = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, FUNCTIONS) and node.lineno <= line <= (node.end_lineno or line)
    ]
    if not around:
        return None
    function = max(around, key=lambda node: node.lineno)
    arguments = function.args
    names = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)} - {"self", "cls"}
    inner = ast.walk(function)
    return frozenset(names - {n.id for n in inner if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)})


def _reading(candidate: Candidate, sources: Mapping[str, bytes]) -> float:
    """Weight of what an edit does to parameters that nobody reads: to read one is good, to leave one unread is not."""
    if any(edit.path != candidate.path for edit in candidate.edits) or candidate.path not in sources:
        return 1.0
    changed = changes_of(sources, candidate.edits).get(candidate.path, sources[candidate.path])
    before = _unread(candidate.path, sources[candidate.path], candidate.line)
    after = _unread(candidate.path, changed, candidate.line)
    if before is None or after is None:
        return 1.0
    return 1.3 if after < before else 0.7 if before < after else 1.0


def _demotions(candidate: Candidate, sources: Mapping[str, bytes]) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    for name in parts_of(candidate.origin):
        plain = name.removeprefix(EVERYWHERE).removesuffix(LITERAL)
        if plain in _KINDS:
            found.append(_KINDS[plain])
        if name.endswith(LITERAL):
            found.append((0.5, "its new value is the one that the failing test expects"))
    new = "\n".join(edit.text for edit in candidate.edits)
    if re.search(r"except[^\n]*:\s*pass\b", new):
        found.append((0.5, "it swallows an exception"))
    if any(not edit.text.strip() and edit.end > edit.start for edit in candidate.edits) and not found:
        found.append((0.7, "it only removes code"))
    if "comparison-other" in candidate.origin and any(edit.text in {"<=", ">="} for edit in candidate.edits):
        found.append((0.7, "it widens an equality"))
    if _new_condition_is_foreign(candidate, sources):
        found.append((0.5, "its condition is about a name that is not used nearby"))
    if "+" in candidate.origin:
        found.append((0.7, "it needs more than one edit"))
    return found


def _prior(candidate: Candidate) -> float:
    value = 1.0
    for name in parts_of(candidate.origin):
        template = BY_NAME.get(name.removeprefix(EVERYWHERE).removesuffix(LITERAL))
        value *= template.prior if template else 0.6
    return value


def _fingerprint(candidate: Candidate, sources: Mapping[str, bytes]) -> str:
    """Text that is equal for candidates whose patched files have equal syntax trees."""
    parts = []
    for path, data in sorted(changes_of(sources, candidate.edits).items()):
        source = read_source(path, data)
        parts.append(f"{path}:{ast.dump(source.tree)}" if isinstance(source, Source) else f"{path}:{data!r}")
    return "\n".join(parts)


def judge(plausible: Sequence[tuple[Candidate, Verdict]], sources: Mapping[str, bytes]) -> tuple[Scored, ...]:
    """Order plausible candidates, best first; of candidates with equal syntax trees the best one is kept.

    ``rank`` is positive, higher is better, and comparable within one call only. ``demotions`` are reasons in plain
    words. Candidates that are not plausible are left out.
    """
    best: dict[str, Scored] = {}
    for candidate, verdict in plausible:
        if verdict.standing is not Standing.plausible:
            continue
        demotions = _demotions(candidate, sources)
        rank = max(candidate.score, 1e-6) ** 0.5 * _prior(candidate) ** 0.5 / (1 + 0.12 * _size(candidate, sources))
        rank *= _reading(candidate, sources)
        for factor, _ in demotions:
            rank *= factor
        scored = Scored(
            candidate=candidate,
            verdict=verdict,
            rank=round(rank, 6),
            demotions=tuple(dict.fromkeys(w for _, w in demotions)),
        )
        key = _fingerprint(candidate, sources)
        if key not in best or best[key].rank < scored.rank:
            best[key] = scored
    return tuple(sorted(best.values(), key=lambda s: (-s.rank, s.candidate.id)))
