"""A child process that searches files with Python: a JSON request on standard input, one JSON match a line as output.

Each line of the answer is ``[path, line, column, text]``. The parent ends the child when its time is over.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from covey.workspace.files import read_regular

MAX_FILE_BYTES = 1 << 20
PER_FILE = 200
"""Matching lines of one file."""
ZERO_WITHIN = 8_192
_AROUND = 60
_TEXT = 200


def order(path: str) -> tuple[str, ...]:
    """Sort a folder's files and folders together by name, as ripgrep does."""
    return tuple(path.split("/"))


def shown(line: bytes, column: int) -> str:
    """Return the text of a line without its ends; of a long one the part around ``column`` (from 0)."""
    start = 0 if len(line) <= _TEXT else max(0, column - _AROUND)
    return line[start : start + _TEXT].decode("utf-8", "replace").strip()


def search(data: bytes, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, int, str]]:
    """Yield line, column and text of each matching line of one file."""
    if b"\0" in data[:ZERO_WITHIN]:
        return
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    count = 0
    for number, line in enumerate(lines, 1):
        if found := pattern.search(line):
            yield number, found.start() + 1, shown(line, found.start())
            count += 1
            if count >= PER_FILE:
                return


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    words = request["pattern"].encode("utf-8")
    pattern = re.compile(
        words if request["regex"] else re.escape(words), re.IGNORECASE if request["ignore_case"] else 0
    )
    for path in request["paths"]:
        data = read_regular(Path(request["base"]), PurePosixPath(path))[0]
        for found in search(data, pattern):
            sys.stdout.write(json.dumps([path, *found]) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
