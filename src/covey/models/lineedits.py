"""Edits by lines, and their way to bytes.

Lines end with LF, CR LF or CR, as in Python source, and count from 1; a file that ends without one of them still has
its last line. :func:`settle` makes any edits independent of each other; :func:`byte_edits` goes from lines to bytes and
keeps byte order mark, encoding and line ends.
"""

from __future__ import annotations

import codecs
import difflib
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence

from covey.core.canonical import Frozen
from covey.core.errors import EditError
from covey.core.patch import Edit
from covey.core.redact import visible
from covey.models.schema import plain

LABEL_CHARACTERS = 100
"""Characters of a line that its label shows."""
_COMPARED = 160
_TEXT_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_BYTE_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class LineEdit(Frozen):
    """Replace ``count`` lines of ``path``, from line ``first`` on, by ``lines`` (without line ends).

    With ``count`` 0 the lines are inserted before ``first``, which may be one more than the file has lines.
    """

    path: str
    first: int
    count: int
    lines: tuple[str, ...] = ()


class EditFile(Frozen):
    """A file that may be edited: its lines without their ends, and the ranges ``(first, last)`` that may change.

    No ``ranges``, or none inside the file: all of it.
    """

    path: str
    lines: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...] = ()

    @staticmethod
    def of(path: str, data: bytes, ranges: Iterable[tuple[int, int]] = ()) -> EditFile:
        """Read the lines of ``data`` in its own encoding (PEP 263); what cannot be decoded shows as U+FFFD."""
        encoding, mark = _encoding(data)
        found = _BYTE_LINE.findall(data, mark)
        return EditFile(
            path=path,
            lines=tuple(line.rstrip(b"\r\n").decode(encoding, "replace") for line in found),
            ranges=tuple(ranges),
        )

    def spans(self) -> tuple[tuple[int, int], ...]:
        """Return the ranges that may change: inside the file, in order, none touching the next one."""
        size = len(self.lines)
        found: list[tuple[int, int]] = []
        for first, last in sorted((max(1, first), min(last, size)) for first, last in self.ranges):
            if first > last:
                continue
            if found and first <= found[-1][1] + 1:
                found[-1] = (found[-1][0], max(found[-1][1], last))
            else:
                found.append((first, last))
        return tuple(found) or ((1, size),)

    def places(self) -> Iterator[int]:
        """Yield the numbers of the lines that may change; then the place behind the last line where it may grow."""
        for first, last in self.spans():
            yield from range(first, last + 1)
            if last == len(self.lines):
                yield last + 1

    def label(self, number: int) -> str:
        """Name a place: see :func:`line_label`."""
        return line_label(number, self.lines[number - 1]) if number <= len(self.lines) else f"{number}|<end of file>"

    def clamp(self, first: int, count: int) -> tuple[int, int]:
        """Return the nearest place that may change, and how much of ``count`` lies inside its range."""
        low, high = min(self.spans(), key=lambda span: (max(span[0] - first, first - span[1], 0), span))
        first = max(low, min(first, high + 1 if high == len(self.lines) else high))
        return first, max(0, min(count, high - first + 1))


def split_lines(text: str) -> tuple[str, ...]:
    """Split at LF, CR LF and CR only (not at form feeds or Unicode separators, which Python source may hold)."""
    return tuple(line.rstrip("\r\n") for line in _TEXT_LINE.findall(text))


def line_label(number: int, line: str) -> str:
    """Return ``number|line`` in plain characters (:func:`~covey.models.schema.plain`), the line cut to 100 of them.

    A number is all that tells lines apart, so a model may read the line as it is and still find its label.
    """
    return f"{number}|{plain(line[:LABEL_CHARACTERS])[:LABEL_CHARACTERS]}"


def flat(lines: Iterable[str]) -> tuple[str, ...]:
    """Return ``lines`` with those that hold line ends split; an empty one stays an empty line."""
    return tuple(part for line in lines for part in (split_lines(line) or ("",)))


def nearest(text: str, known: Iterable[str]) -> str:
    """Return the string in ``known`` that is most like ``text``, cut to what a sentence can hold; '' for none."""
    texts = [item[:_COMPARED] for item in known]
    found = difflib.get_close_matches(text[:_COMPARED], texts, n=1, cutoff=0.0)
    return found[0] if found else ""


def settle(wanted: Sequence[LineEdit], files: Sequence[EditFile]) -> tuple[LineEdit, ...]:
    """Make edits independent of each other, whatever they were.

    Each is cut to the range it starts in. One that overlaps an edit before it is left out: small models repeat
    themselves, and merging would double the text. What touches becomes one edit; what changes nothing goes.
    """
    by_path = {file.path: file for file in files}
    taken: dict[str, list[LineEdit]] = {path: [] for path in by_path}
    for edit in wanted:
        first, count = by_path[edit.path].clamp(edit.first, edit.count)
        cut = LineEdit(path=edit.path, first=first, count=count, lines=flat(edit.lines))
        if not any(_overlap(cut, other) for other in taken[edit.path]):
            taken[edit.path].append(cut)
    settled: list[LineEdit] = []
    for edits in taken.values():
        joined: list[LineEdit] = []
        for edit in sorted(edits, key=lambda edit: (edit.first, edit.count > 0)):  # insertions stand before the line
            if joined and joined[-1].first + joined[-1].count == edit.first:
                last = joined.pop()
                edit = last.model_copy(  # noqa: PLW2901 - the edit grows
                    update={"count": last.count + edit.count, "lines": (*last.lines, *edit.lines)}
                )
            joined.append(edit)
        settled += (edit for edit in joined if edit.count or edit.lines)
    return tuple(settled)


def _overlap(one: LineEdit, other: LineEdit) -> bool:
    (start, end), (low, high) = sorted((edit.first, edit.first + edit.count) for edit in (one, other))
    return low < end and (high > low or low > start)


def byte_edits(edits: Sequence[LineEdit], sources: Mapping[str, bytes]) -> tuple[Edit, ...]:
    """Turn line edits that were made for ``sources`` into byte spans.

    New lines end as their neighbours do. Raises EditError when a file is missing or has fewer lines. A character
    that the file's encoding cannot hold is found when the edit is applied.
    """
    return tuple(_byte_edit(edit, sources) for edit in edits)


def _byte_edit(edit: LineEdit, sources: Mapping[str, bytes]) -> Edit:
    if edit.path not in sources:
        raise EditError(f"{visible(edit.path)} is not a file that can be edited; name one of those given.")
    data = sources[edit.path]
    encoding, mark = _encoding(data)
    found = _BYTE_LINE.findall(data, mark)
    at, stop = edit.first - 1, edit.first - 1 + edit.count
    if not 0 <= at <= stop <= len(found):
        raise EditError(f"{visible(edit.path)} has {len(found)} lines; line {edit.first} + {edit.count} is outside.")
    start = mark + sum(map(len, found[:at]))
    end = start + sum(map(len, found[at:stop]))
    ending = _line_end(found, at)
    open_end = bool(found) and stop == len(found) and not found[-1].endswith((b"\r", b"\n"))
    text = "".join(line + ending for line in edit.lines)
    if open_end and edit.lines:
        if edit.lines[-1]:
            text = text.removesuffix(ending)
        if at == len(found):
            text = ending + text
    return Edit(path=edit.path, start=start, end=end, text=text, encoding=encoding)


def _line_end(lines: Sequence[bytes], at: int) -> str:
    """Return the line end at ``at``, or before it; LF in a file without any."""
    for line in reversed(lines[: at + 1]):
        if kept := line[len(line.rstrip(b"\r\n")) :]:
            return kept.decode("ascii")
    return "\n"


def _encoding(data: bytes) -> tuple[str, int]:
    """Return the encoding of a source file by PEP 263 and the length of its byte order mark."""
    try:
        name, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        usable = "\n\r#a".encode(name) == b"\n\r#a"
    except (SyntaxError, LookupError, UnicodeError):
        usable = False
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    if mark or not usable:
        return "utf-8", mark
    return name, 0
