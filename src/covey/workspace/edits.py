"""Edits by byte span: everything outside the span stays as it is, so line ends, BOM and encoding are kept."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from itertools import pairwise

from covey.core.errors import EditError
from covey.core.patch import Edit
from covey.workspace.paths import safe_path, show

_WITHOUT_MARK = {"utf-8-sig": "utf-8"}
_WITH_MARK = frozenset({"utf-16", "utf-32"})


def encode(edit: Edit) -> bytes:
    """Return the new bytes of an edit. Raises EditError when the file's encoding cannot hold the text."""
    try:
        name = codecs.lookup(edit.encoding).name
        if name in _WITH_MARK:
            raise EditError(f"{show(edit.path)}: give {name} with its byte order, for instance {name}-le.")
        return edit.text.encode(_WITHOUT_MARK.get(name, name))
    except (LookupError, ValueError) as error:
        raise EditError(
            f"{show(edit.path)}: the text cannot be written in encoding {edit.encoding!r}: {error}."
        ) from None


def apply_edits(data: bytes, edits: Sequence[Edit]) -> bytes:
    """Apply ``edits`` of one file to its base version.

    Offsets all refer to the base version; insertions at one offset keep their order. Raises EditError when spans
    overlap or lie outside the file, or a text does not fit the encoding.
    """
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    for edit in ordered:
        if not 0 <= edit.start <= edit.end <= len(data):
            span = f"{edit.start}:{edit.end}"
            raise EditError(f"{show(edit.path)}: bytes {span} are not inside the file, which has {len(data)} bytes.")
    for first, second in pairwise(ordered):
        if second.start < first.end:
            raise EditError(
                f"{show(first.path)}: the edits at {first.start}:{first.end} and {second.start}:{second.end} overlap; "
                "make one edit of them."
            )
    parts: list[bytes] = []
    position = 0
    for edit in ordered:
        parts += (data[position : edit.start], encode(edit))
        position = edit.end
    return b"".join((*parts, data[position:]))


def changes_of(sources: Mapping[str, bytes], edits: Sequence[Edit]) -> dict[str, bytes]:
    """Apply edits of several files, all or none; return the new content of each file that really changes.

    Raises EditError when one of them cannot be applied or names a file that is not in ``sources``.
    """
    by_path: dict[str, list[Edit]] = {}
    for edit in edits:
        by_path.setdefault(str(safe_path(edit.path)), []).append(edit)
    changes: dict[str, bytes] = {}
    for path, group in by_path.items():
        try:
            before = sources[path]
        except KeyError:
            raise EditError(f"{show(path)} is not a file that can be edited; name a regular file.") from None
        after = apply_edits(before, group)
        if after != before:
            changes[path] = after
    return changes
