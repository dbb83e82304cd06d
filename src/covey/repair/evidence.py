"""What a failure's own words say about the repair: missing names, expected values, exceptions that did not come."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from covey.core.testing import Failure
from covey.repair.sources import Nodes

_MAX_TEXT = 20_000

_ATTRIBUTE = re.compile(r"(?<![\w.])'?([\w.]{1,120})'?(?: object)? has no attribute '(\w+)'")
_NAME = re.compile(r"name '(\w+)' is not defined|cannot access (?:local|free) variable '(\w+)'|local variable '(\w+)'")
_MISSING_ARGUMENT = re.compile(
    r"(?<!\w)(\w{1,120})\(\) missing \d+ required (?:positional|keyword-only) arguments?: (.+)"
)
_UNEXPECTED = re.compile(r"(?<!\w)(\w{1,120})\(\) got an unexpected keyword argument '(\w+)'")
_ARITY = re.compile(r"(?<!\w)(\w{1,120})\(\) takes (?:from )?(\d+|no)[^\n]*? (?:but|\()\s*(\d+)? ?")
_NOT_RAISED = re.compile(r"DID NOT RAISE (?:any of )?.*?(?:class '(?:[\w]+\.)*(\w+)'|(\w+))|\b(\w+) not raised")
_QUOTED = re.compile(r"'(\w+)'")
_IMPORT = re.compile(r"cannot import name '(\w+)'")
_PAIRS = (
    re.compile(
        r"^(?:E\s+)?(?:AssertionError: )?assert (.{1,400}?) (==|is|<=|>=|<|>|!=|in|not in) (.{1,400}?)\s*$",
        re.MULTILINE,
    ),
    re.compile(r"^(?:E\s+)?(?:\w*differ: |AssertionError: )(.{1,400}?) (!=) (.{1,400}?)(?: : .*)?$", re.MULTILINE),
    re.compile(
        r"^(?:Lists|Tuples|Sequences|Sets|Dicts)? ?(?:differ: )?(.{1,400}?) (!=) (.{1,400}?)(?: : .*)?$", re.MULTILINE
    ),
    re.compile(r"^(?:E\s+)?AssertionError: (.{1,400}?) (not found in) (.{1,400}?)(?: : .*)?$", re.MULTILINE),
)
_REGEX_MISS = re.compile(
    r"Regex: (['\"].{0,300}['\"])\n\s*(?:E\s+)?Input: (['\"].{0,300}['\"])"
    r"|\"(.{1,300})\" does not match \"(.{1,300})\""
)
_TRUTH = re.compile(
    r"^(?:E\s+)?(?:AssertionError: )?(?:assert (?:not )?(True|False|None)\b|(True|False|None) is not (?:true|false))",
    re.MULTILINE,
)


@dataclass(slots=True)
class Hints:
    """Facts gathered from failures. Names are identifiers; ``pairs`` are (actual, expected) literal values."""

    types: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)
    undefined: set[str] = field(default_factory=set)
    missing_arguments: set[str] = field(default_factory=set)
    unexpected: set[str] = field(default_factory=set)
    callees: set[str] = field(default_factory=set)  # functions whose call did not fit their signature
    keys: set[str] = field(default_factory=set)
    not_raised: list[str] = field(default_factory=list)
    pairs: list[tuple[object, object]] = field(default_factory=list)
    crashes: set[tuple[str, int]] = field(default_factory=set)
    none_used: bool = False
    coroutine: bool = False
    wrong_operands: bool = False
    message: str = ""

    @property
    def assertion(self) -> bool:
        """True when some failure is a failed assertion, not a crash."""
        return "AssertionError" in self.types or "Failed" in self.types

    def differences(self) -> Iterator[float | int]:
        """Yield expected minus actual for numbers."""
        for actual, expected in self.pairs:
            if _number(actual) and _number(expected):
                yield expected - actual  # type: ignore[operator]

    def expected(self) -> Iterator[object]:
        """Yield expected values, scalars only."""
        for _, expected in self.pairs:
            if isinstance(expected, (str, int, float, bytes)) or expected is None:
                yield expected


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _literal(text: str) -> tuple[object, bool]:
    try:
        return ast.literal_eval(text.strip()), True
    except (*Nodes, TypeError):
        return None, False


def _read_pairs(text: str, hints: Hints) -> None:
    for pattern in _PAIRS:
        for match in list(pattern.finditer(text))[:6]:
            (left, left_ok), (right, right_ok) = _literal(match.group(1)), _literal(match.group(3))
            if not (left_ok and right_ok):
                continue
            for pair in ((left, right), (right, left)) if match.group(2) == "!=" else ((left, right),):
                if pair not in hints.pairs and len(hints.pairs) < 12:
                    hints.pairs.append(pair)
    for match in list(_REGEX_MISS.finditer(text))[:3]:
        wanted, got = match.group(1) or match.group(3), match.group(2) or match.group(4)
        left, right = _literal(got)[0] if match.group(2) else got, _literal(wanted)[0] if match.group(1) else wanted
        if isinstance(left, str) and isinstance(right, str):
            hints.pairs.append((left, re.sub(r"\\(.)", r"\1", right)))


def _read_names(text: str, hints: Hints) -> None:
    for match in _ATTRIBUTE.finditer(text):
        hints.owners.add(match.group(1).split(".")[-1])
        hints.attributes.add(match.group(2))
    for match in _NAME.finditer(text):
        hints.undefined.update(name for name in match.groups() if name)
    for match in _IMPORT.finditer(text):
        hints.undefined.add(match.group(1))
    for match in _MISSING_ARGUMENT.finditer(text):
        hints.callees.add(match.group(1))
        hints.missing_arguments.update(_QUOTED.findall(match.group(2)))
    for match in _UNEXPECTED.finditer(text):
        hints.callees.add(match.group(1))
        hints.unexpected.add(match.group(2))
    for match in _ARITY.finditer(text):
        hints.callees.add(match.group(1))
    for match in _NOT_RAISED.finditer(text):
        name = next((g for g in match.groups() if g), "")
        if name and name not in hints.not_raised:
            hints.not_raised.append(name)


def read_hints(failures: Iterable[Failure]) -> Hints:
    """Gather hints from failures; text beyond 20,000 characters of each is not read."""
    hints = Hints()
    messages = []
    for failure in failures:
        hints.types.add(failure.type.rpartition(".")[2])
        text = f"{failure.message}\n{failure.text}"[:_MAX_TEXT]
        messages.append(failure.message[:2000])
        _read_names(text, hints)
        _read_pairs(text, hints)
        if failure.type.endswith("KeyError"):
            hints.keys.add(failure.message.split(":")[-1].strip().strip("'\""))
        hints.none_used |= "NoneType" in text
        hints.coroutine |= "coroutine" in text or "was never awaited" in text
        hints.wrong_operands |= "unsupported operand" in text or "can only concatenate" in text or "must be str" in text
        if failure.frames:
            hints.crashes.update((frame.path, frame.line) for frame in failure.frames)
    hints.message = "\n".join(messages)
    return hints
