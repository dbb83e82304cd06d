from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from covey.core.errors import RunError
from covey.workspace.snapshot import Snapshot, take_snapshot
from covey.workspace.textsearch import BadPattern, search_text
from covey.workspace.textsearch_pattern import MAX_PATTERN, check_pattern

FILES = {
    "a.py": b"def one():\n    return TWO\n\n# Two and two\r\nlast line without end: two",
    "a/b.txt": "gr\u00fc\u00dfe two\n".encode(),
    "a-c.txt": b"two\n" * 500,
    ".hidden/x.ini": b"[two]\n",
    ".gitignore": b"*.txt\ntwo\n",
    "binary.dat": b"two\0two\n",
    "latin.txt": "\u00fc two\n".encode("latin-1"),
    "utf16.txt": "\ufefftwo\n".encode("utf-16-le"),
    "late.dat": b"two\n" + b"x" * 9_000 + b"\0\ntwo\n",
    "long.txt": b"x" * 5_000 + b"two" + b"y" * 5_000,
    "large.txt": b"two\n" * 400_000,
}
ENGINES = ["rg", None]


async def snapshot_of(tmp_path: Path, files: Mapping[str, bytes] = FILES) -> Snapshot:
    for path, data in files.items():
        (tmp_path / "repository" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repository" / path).write_bytes(data)
    (tmp_path / "repository" / "link.py").symlink_to("a.py")
    return await take_snapshot(tmp_path / "repository", tmp_path / "snapshot", owner=None)


def needs(program: str | None) -> None:
    if program and not shutil.which(program):
        pytest.skip("ripgrep is not installed")


@pytest.mark.parametrize("program", ENGINES)
async def test_every_file_is_searched_once_and_links_large_and_binary_ones_are_not(
    tmp_path: Path, program: str | None
) -> None:
    needs(program)
    found = await search_text(await snapshot_of(tmp_path), "two", limit=1_000, program=program)
    assert sorted({match.path for match in found.found}) == [
        ".gitignore",
        ".hidden/x.ini",
        "a-c.txt",
        "a.py",
        "a/b.txt",
        "late.dat",
        "latin.txt",
        "long.txt",
    ]
    assert [(m.line, m.column, m.text) for m in found.found if m.path == "a.py"] == [
        (4, 11, "# Two and two"),
        (5, 24, "last line without end: two"),
    ]
    assert sum(match.path == "a-c.txt" for match in found.found) == 200
    (long,) = [match for match in found.found if match.path == "long.txt"]
    assert (long.column, len(long.text)) == (5_001, 200)
    assert "two" in long.text


CASES = [
    {"pattern": "two"},
    {"pattern": "TWO", "ignore_case": True},
    {"pattern": "gr\u00fc\u00dfe"},
    {"pattern": "\u00dc", "ignore_case": True},
    {"pattern": "[two]"},
    {"pattern": "two", "globs": ["*.py", ".hidden/*"]},
    {"pattern": "-two"},
    {"pattern": r"^\s*return\s+\w{3,}$", "regex": True},
    {"pattern": r"\btwo\b", "regex": True},
    {"pattern": r"[^a-z ]two|^(?:def|class) \w+", "regex": True},
    {"pattern": r".two$", "regex": True, "ignore_case": True},
    {"pattern": r"^$", "regex": True},
    {"pattern": r"x*", "regex": True, "limit": 3_000},
    {"pattern": r"\W{3}", "regex": True},
    {"pattern": "$", "regex": True, "limit": 3_000},
]


async def test_ripgrep_and_python_find_the_same(tmp_path: Path) -> None:
    needs("rg")
    snapshot = await snapshot_of(tmp_path)
    counts = []
    for case in CASES:
        one = await search_text(snapshot, **case)  # type: ignore[arg-type]
        other = await search_text(snapshot, program=None, timeout_s=60, **case)  # type: ignore[arg-type]
        assert one == other, case
        counts.append(one.total)
    assert counts[3] == 0  # letters beyond ASCII keep their case
    assert all(counts[at] for at in (0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 13))


async def test_a_catastrophic_expression_ends_at_its_time_limit(tmp_path: Path) -> None:
    snapshot = await snapshot_of(tmp_path, {"a.txt": b"good\n", "b.txt": b"a" * 5_000 + b"!"})
    hung = await search_text(snapshot, r"(a|a)*$|good", regex=True, timeout_s=3, program=None)
    assert not hung.complete
    assert [match.path for match in hung.found] in (["a.txt"], [])
    assert (await search_text(snapshot, "good", program=None, timeout_s=60)).complete


@pytest.mark.parametrize(
    "pattern",
    ["", "a\nb", "\0", "x" * (MAX_PATTERN + 1), "\x1b"],
)
def test_a_pattern_is_one_line_of_text(pattern: str) -> None:
    with pytest.raises(BadPattern, match="pattern"):
        check_pattern(pattern, regex=False)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a)\1", "(?=a)", "(?!a)", "(?<=a)b", "(?i)a", "(?P<n>a)", "a*+", "a**", "{2}", "a{", "a{1000}", "*a", "(",
        ")", "[a", "[]a]", "[[:alpha:]]", "[a&&b]", "[a~~b]", r"\p{L}", r"\x41", r"\A", r"\Z", "\u00fc+", "^*", r"\b+",
        "(*a)", "a{3,1}", "|*",
    ],
)  # fmt: skip
def test_what_only_one_engine_reads_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern, match="expression"):
        check_pattern(pattern, regex=True)


@pytest.mark.parametrize("pattern", [r"a+?", r"\.py$", r"[\w.]+", "a{2,}", "(?:a|b)*", r"\$\{x\}"])
def test_what_both_engines_read_is_taken(pattern: str) -> None:
    check_pattern(pattern, regex=True)


@pytest.mark.parametrize("program", ["true", "false", "echo", "no-such-program-here"])
async def test_without_a_ripgrep_that_works_python_searches(tmp_path: Path, program: str) -> None:
    snapshot = await snapshot_of(tmp_path, {"a.txt": b"good\n"})
    found = await search_text(snapshot, "good", program=program, timeout_s=60)
    assert (found.total, found.complete) == (1, True)


async def test_an_expression_too_large_for_ripgrep_is_searched_by_python(tmp_path: Path) -> None:
    snapshot = await snapshot_of(tmp_path, {"a.txt": b"good\n"})
    found = await search_text(snapshot, r"(?:(?:(?:\w{999}){999}){999})|good", regex=True, timeout_s=60)
    assert (found.total, found.complete) == (1, True)


async def test_a_snapshot_that_lost_a_file_is_an_error(tmp_path: Path) -> None:
    snapshot = await snapshot_of(tmp_path, {"a.txt": b"good\n"})
    (Path(snapshot.base) / "a.txt").unlink()
    with pytest.raises(RunError, match="snapshot"):
        await search_text(snapshot, "good", program=None, timeout_s=60)
