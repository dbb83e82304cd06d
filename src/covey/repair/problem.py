"""Reading a problem text: what it names, what it quotes, what it expects. Pure parsing; nothing is run or trusted."""

from __future__ import annotations

import re
import unicodedata

from covey.core.canonical import Frozen
from covey.core.testing import Frame

MAX_CHARACTERS = 200_000
"""A longer text is cut here, with a note."""

_MOST = 100
_HIDDEN = {*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0x00AD, 0x061C, 0x180E}
_FRAME = re.compile(r'^[ \t]{0,40}File "([^"\n]{1,500})", line (\d{1,9})(?:, in ([^\n]{1,200}))?', re.MULTILINE)
_PYTEST_FRAME = re.compile(
    r"^([\w./\\-]{1,300}\.py):(\d{1,9}):(?: in ([\w<>.]{1,100})| ([A-Z]\w*(?:Error|Exception|Warning)?))?", re.MULTILINE
)
_EXCEPTION = re.compile(
    r"^(?:E\s+)?((?:[A-Za-z_]\w{0,80}\.){0,8}[A-Z]\w{0,80}"
    r"(?:Error|Exception|Warning|Exit|Interrupt|Iteration))(?::[ \t]?([^\n]{0,500}))?$",
    re.MULTILINE,
)
_PATH = re.compile(r"(?<![\w/.-])((?:[\w.-]{1,80}/){0,12}[\w-]{1,80}\.py)\b(?::(\d{1,9}))?")
_NODE = re.compile(
    r"(?<![\w/.-])((?:[\w.-]{1,80}/){0,12}[\w-]{1,80}\.py(?:::[A-Za-z_]\w{0,120}){1,4}(?:\[[^\]\n]{0,120}\])?)"
)
_DOTTED_TEST = re.compile(r"(?<![\w.])((?:[A-Za-z_]\w{0,80}\.){1,8}test_\w{1,120})(?!\w|\.\w)")
_UNITTEST_LABEL = re.compile(r"\b(test_\w{1,120}) \(((?:[A-Za-z_]\w{0,80}\.){0,8}[A-Za-z_]\w{0,80})\)")
_SYMBOL = re.compile(
    r"`{1,2}([A-Za-z_][\w.]{0,160})(?:\(\))?`{1,2}"
    r"|(?<![\w./])((?:[A-Za-z_]\w{0,80}\.){1,8}[A-Za-z_]\w{0,80})(?:\(|\b)|\b([A-Za-z_]\w{0,80})\(\)"
)
_FENCE = re.compile(
    r"^(`{3,12}|~{3,12})(?![`~])[ \t]{0,9}([\w+-]{0,30})[^\n]*\n(.*?)(?:^\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_EXPECTED = re.compile(
    r"\bexpect(?:ed|s)?(?: (?:result|output|value|behaviou?r))?"
    r"\s*(?::|is|was|to (?:be|get|return))\s*`?([^\n`]{1,300})",
    re.IGNORECASE,
)
_ACTUAL = re.compile(
    r"\b(?:actual(?:ly)?|got|gets|instead|but (?:was|is|returns|got))(?: (?:result|output|value|behaviou?r))?"
    r"\s*(?::|is|was|returns)?\s+`?([^\n`]{1,300})",
    re.IGNORECASE,
)


class Doctest(Frozen):
    """One interactive example: the source that was typed and what was printed (empty: nothing)."""

    source: str
    want: str = ""


class CodeBlock(Frozen):
    """A fenced piece of code with the language that its fence names."""

    text: str
    language: str = ""


class Problem(Frozen):
    """What a problem text says. All lists are in order of appearance, without repetition, at most 100 long.

    ``frames`` are traceback frames, outer to inner, paths as written. ``exception`` is the last one named with a
    traceback-like line, ``message`` its text. ``symbols`` are identifiers and dotted names that look like code.
    ``tests`` are pytest node ids and dotted unittest names. ``notes`` are sentences for the user.
    """

    text: str
    frames: tuple[Frame, ...] = ()
    exception: str = ""
    message: str = ""
    paths: tuple[str, ...] = ()
    lines: tuple[Frame, ...] = ()
    symbols: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    code: tuple[CodeBlock, ...] = ()
    doctests: tuple[Doctest, ...] = ()
    expected: tuple[str, ...] = ()
    actual: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def mentioned(self) -> tuple[Frame, ...]:
        """Everything that localisation can use: frames, lines, then symbols as frames without a path."""
        named = tuple(Frame(path="", line=0, function=s.rpartition(".")[2]) for s in self.symbols)
        return (*self.frames, *self.lines, *named)


def visible(text: str) -> tuple[str, int]:
    """Return text with invisible and direction-changing characters spelt out as ``<U+202E>``, and their number."""
    if text.isascii() and not any(ord(c) < 32 and c not in "\n\t\r\f" for c in text):
        return text, 0
    count = 0
    out = []
    for char in text:
        point = ord(char)
        odd = point in _HIDDEN or 0xE0000 <= point <= 0xE007F or 0xD800 <= point <= 0xDFFF
        if odd or (char not in "\n\t\r\f" and unicodedata.category(char) in {"Cc", "Cf"}):
            out.append(f"<U+{point:04X}>")
            count += 1
        else:
            out.append(char)
    return "".join(out), count


def _unique(items: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.strip() for item in items if item.strip()))[:_MOST]


def _doctests(text: str) -> tuple[Doctest, ...]:
    found: list[Doctest] = []
    source: list[str] = []
    want: list[str] = []

    def flush() -> None:
        if source and len(found) < _MOST:
            found.append(Doctest(source="\n".join(source), want="\n".join(want).rstrip()))
        source.clear()
        want.clear()

    indent = 0
    for line in text.split("\n"):
        bare = line.lstrip(" \t>") if line.lstrip().startswith("> >>>") else line.lstrip()
        if bare.startswith(">>> ") or bare == ">>>":
            flush()
            indent = len(line) - len(line.lstrip())
            source.append(bare[4:])
        elif source and not want and (bare.startswith("... ") or bare.rstrip() == "..."):
            source.append(bare[4:])
        elif source:
            if not line.strip() or line.strip().startswith(("```", "~~~")):
                flush()
            else:
                want.append(line[indent:] if line[:indent].strip() == "" else line.strip())
    flush()
    return tuple(found)


def _frames(text: str) -> tuple[Frame, ...]:
    found = [
        (m.start(), Frame(path=m[1], line=int(m[2]), function=(m[3] or "").strip())) for m in _FRAME.finditer(text)
    ]
    found += [(m.start(), Frame(path=m[1], line=int(m[2]), function=m[3] or "")) for m in _PYTEST_FRAME.finditer(text)]
    found.sort(key=lambda item: item[0])
    return tuple(dict.fromkeys(frame for _, frame in found))[-_MOST:]


def _tests(text: str) -> tuple[str, ...]:
    found = [(m.start(), m[1]) for m in _NODE.finditer(text)]
    found += [(m.start(), m[1]) for m in _DOTTED_TEST.finditer(text)]
    for match in _UNITTEST_LABEL.finditer(text):
        holder = match[2] if match[2].endswith("." + match[1]) else f"{match[2]}.{match[1]}"
        found.append((match.start(), holder))
    found.sort(key=lambda item: item[0])
    return _unique([name for _, name in found])


def _symbols(text: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    modules = {path.rpartition("/")[2] for path in paths}
    found = []
    for match in _SYMBOL.finditer(text):
        name = (match[1] or match[2] or match[3]).strip(".")
        plain_word = (
            match[2] is not None and not any(c in name for c in "_") and name.lower() in {"e.g", "i.e", "etc.etc"}
        )
        if (
            name
            and not plain_word
            and name not in modules
            and not name.endswith((".py", ".com", ".org", ".io", ".txt", ".md"))
        ):
            found.append(name)
    return _unique(found)


def read_problem(text: str) -> Problem:
    """Parse a problem text: an issue, a traceback, a test log, a few words."""
    notes: list[str] = []
    if len(text) > MAX_CHARACTERS:
        notes.append(f"The problem text has {len(text):,} characters; only the first {MAX_CHARACTERS:,} are read.")
        text = text[:MAX_CHARACTERS]
    text, hidden = visible(text.replace("\r\n", "\n"))
    if hidden:
        notes.append(
            f"The problem text held {hidden} invisible or direction-changing characters; they are shown as <U+....>."
        )
    paths = _unique([m[1] for m in _PATH.finditer(text)])
    lines = tuple(dict.fromkeys(Frame(path=m[1], line=int(m[2])) for m in _PATH.finditer(text) if m[2]))[:_MOST]
    exceptions = _EXCEPTION.findall(text)
    code = tuple(CodeBlock(text=m[3], language=m[2].lower()) for m in list(_FENCE.finditer(text))[:_MOST])
    return Problem(
        text=text,
        frames=_frames(text),
        exception=exceptions[-1][0].rpartition(".")[2] if exceptions else "",
        message=exceptions[-1][1].strip() if exceptions else "",
        paths=paths,
        lines=lines,
        symbols=_symbols(text, paths),
        tests=_tests(text),
        code=code,
        doctests=_doctests(text),
        expected=_unique(_EXPECTED.findall(text)),
        actual=_unique(_ACTUAL.findall(text)),
        notes=tuple(notes),
    )
