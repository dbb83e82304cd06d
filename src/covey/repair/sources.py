r"""A parsed view of one Python file, and the way back to its bytes.

Everything in the repair engine works on *text*: the file decoded by its own encoding, without a byte-order mark, with
every line end written as ``\\n``. Offsets count characters of that text from 0. :meth:`Source.to_edit` turns a span of
text into an :class:`~covey.core.patch.Edit` on the bytes as they are on disk. Nothing here raises on hostile input.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
import warnings
from bisect import bisect_right
from dataclasses import dataclass

from covey.core.patch import Edit

MAX_BYTES = 1_000_000
"""Files above this size are not repaired: a hand-written module is smaller, and generated code has no place here."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_STATEFUL = ("iso2022", "hz", "utf-7", "utf_7", "utf-16", "utf-32", "punycode", "idna", "unicode_escape")

Nodes = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)
"""What parsing or compiling untrusted text may raise."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is left alone, and why, in words for the user."""

    path: str
    note: str


class Source:
    """One readable file: its text, its tree, and maps between positions."""

    __slots__ = ("_ascii", "_byte_starts", "_lines", "_starts", "encoding", "newline", "path", "text", "tree")

    def __init__(self, path: str, text: str, tree: ast.Module, *, encoding: str, bom: int, ends: list[str]) -> None:
        self.path = path
        self.tree = tree
        self.encoding = encoding
        self.newline = max(("\n", "\r\n", "\r"), key=ends.count) if ends else "\n"
        self.text = text
        self._lines = text.split("\n")
        self._ascii = text.isascii()
        self._starts: list[int] = []
        self._byte_starts: list[int] = []
        char, byte = 0, bom
        for number, line in enumerate(self._lines):
            self._starts.append(char)
            self._byte_starts.append(byte)
            char += len(line) + 1
            end = ends[number] if number < len(ends) else ""
            byte += (len(line) if line.isascii() else len(line.encode(encoding))) + len(end)

    def offset(self, lineno: int, col: int) -> int:
        """Offset of an ``ast`` position: a line from 1 and a column in UTF-8 bytes."""
        row = min(max(lineno - 1, 0), len(self._lines) - 1)
        line = self._lines[row]
        if not (self._ascii or line.isascii()):
            col = len(line.encode("utf-8", "surrogatepass")[:col].decode("utf-8", "ignore"))
        return min(self._starts[row] + min(col, len(line)), len(self.text))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Start and end of a node in the text; decorators are not part of it."""
        where: ast.expr = node  # type: ignore[assignment]
        return (
            self.offset(where.lineno, where.col_offset),
            self.offset(where.end_lineno or where.lineno, where.end_col_offset or 0),
        )

    def segment(self, node: ast.AST) -> str:
        """Text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def line_at(self, offset: int) -> int:
        """Line number, from 1, of an offset."""
        return bisect_right(self._starts, offset)

    def line_start(self, lineno: int) -> int:
        """Offset of the first character of a line; the end of the text for the line after the last."""
        return self._starts[lineno - 1] if lineno <= len(self._starts) else len(self.text)

    def line(self, lineno: int) -> str:
        """Text of a line without its end; empty outside the file."""
        return self._lines[lineno - 1] if 1 <= lineno <= len(self._lines) else ""

    @property
    def line_count(self) -> int:
        """Number of lines."""
        return len(self._lines)

    def _byte(self, offset: int) -> int:
        row = bisect_right(self._starts, offset) - 1
        column = offset - self._starts[row]
        line = self._lines[row]
        width = column if line.isascii() else len(line[:column].encode(self.encoding))
        return self._byte_starts[row] + width

    def to_edit(self, start: int, end: int, text: str) -> Edit | None:
        """Edit that puts ``text`` in place of ``start:end``; None when the file's encoding cannot hold it."""
        written = text.replace("\n", self.newline) if self.newline != "\n" else text
        if not written.isascii():
            try:
                written.encode(self.encoding)
            except UnicodeError:
                return None
        return Edit(path=self.path, start=self._byte(start), end=self._byte(end), text=written, encoding=self.encoding)


def parse_tolerant(text: str) -> ast.Module | None:
    """Parse untrusted text; None when it cannot be parsed for whatever reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except Nodes:
        return None


def decode(path: str, data: bytes) -> tuple[str, str, int] | Unreadable:
    """Return text (line ends untouched), encoding name and length of the byte-order mark."""
    if len(data) > MAX_BYTES:
        return Unreadable(path, f"{path} has {len(data):,} bytes; files above {MAX_BYTES:,} are not repaired")
    if b"\0" in data:
        return Unreadable(path, f"{path} holds null bytes; it is not Python text")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        bom = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        text = data[bom:].decode(encoding)
        whole = text.encode(encoding) == data[bom:]
    except (SyntaxError, LookupError, ValueError) as error:
        return Unreadable(path, f"{path} cannot be decoded: {error}")
    if not whole or any(mark in encoding.lower().replace("-", "") for mark in (m.replace("-", "") for m in _STATEFUL)):
        return Unreadable(
            path, f"{path} is written in {encoding}, in which bytes cannot be replaced one span at a time"
        )
    return text, encoding, bom


def read_source(path: str, data: bytes) -> Source | Unreadable:
    """Decode and parse one file."""
    decoded = decode(path, data)
    if isinstance(decoded, Unreadable):
        return decoded
    raw, encoding, bom = decoded
    ends = _LINE_END.findall(raw)
    text = _LINE_END.sub("\n", raw) if "\r" in raw else raw
    tree = parse_tolerant(text)
    if tree is None:
        return Unreadable(path, f"{path} cannot be parsed by this Python")
    return Source(path, text, tree, encoding=encoding, bom=bom, ends=ends)
