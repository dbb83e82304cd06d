from __future__ import annotations

import asyncio
import sqlite3
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from covey.core.errors import RunError
from covey.workspace.codeindex import MAX_FILE_BYTES, CodeIndex
from covey.workspace.codeindex_parse import MAX_SIGNATURE, extract, unpacked
from covey.workspace.references import find_references
from covey.workspace.snapshot import take_snapshot
from covey.workspace.sources import SourceFiles

PYTHON = textwrap.dedent(
    '''
    """Sessions of a shop."""
    import os.path as p, json
    from . import prices
    from .prices import total as whole
    from shop.tax import Rate

    LIMIT = 3

    @decorated
    class Session(Base):
        """Holds a basket."""
        open: bool = True

        async def close(self, now: int = 0) -> None:  # a comment
            """End it."""
            def inner() -> int:
                return LIMIT
            whole(self.open, inner())

    def make() -> Session:
        return Session()
    '''
).lstrip()
FILES = {
    "shop/session.py": PYTHON.encode(),
    "shop/prices.py": b"def total(*parts):\n    return sum(parts)\n",
    "shop/tax.py": b"class Rate:\n    def close(self):\n        pass\n",
    "shop/__init__.py": b"",
    "other.py": b"def run(thing):\n    thing.close()\n    return make\n",
    "main.py": b"from shop.session import make\n\nmake().close()\n",
}


async def index_of(tmp_path: Path, files: Mapping[str, bytes]) -> CodeIndex:
    index = CodeIndex.open(tmp_path / "code.sqlite3")
    await index.update(files)
    return index


async def test_definitions_have_their_kind_place_and_signature(tmp_path: Path) -> None:
    index = await index_of(tmp_path, FILES)
    found = [(s.name, s.kind, s.line, s.last_line) for s in index.symbols("shop/session.py")]
    assert found == [
        ("LIMIT", "variable", 7, 7),
        ("Session", "class", 10, 18),
        ("Session.open", "variable", 12, 12),
        ("Session.close", "method", 14, 18),
        ("Session.close.inner", "function", 16, 17),
        ("make", "function", 20, 21),
    ]
    assert index.outline("shop/session.py").splitlines()[3] == ("14:   async def close(self, now: int = 0) -> None")


async def test_definitions_are_found_by_plain_and_by_qualified_name(tmp_path: Path) -> None:
    index = await index_of(tmp_path, FILES)
    assert [path for path, _ in index.definitions("close")] == ["shop/session.py", "shop/tax.py"]
    assert [(path, s.line) for path, s in index.definitions("Rate.close")] == [("shop/tax.py", 2)]
    assert index.definitions("Nobody.close") == ()
    assert index.symbols("missing.py") == ()


async def test_imports_lead_to_the_files_of_the_repository(tmp_path: Path) -> None:
    index = await index_of(tmp_path, FILES)
    assert index.imports("shop/session.py") == ("shop/__init__.py", "shop/prices.py", "shop/tax.py")
    assert index.imports("main.py") == ("shop/session.py",)
    assert index.imports("other.py") == ()


async def test_javascript_and_typescript_are_read_too(tmp_path: Path) -> None:
    index = await index_of(
        tmp_path,
        {
            "web/a.ts": b"import { b } from './b';\nexport interface Shape { side: number }\n"
            b"export class Box implements Shape { side = 1; grow(by: number): void { b(by); } }\n"
            b"export const area = (s: Shape) => s.side;\n",
            "web/b.js": b"function b(x) { return x }\nconst c = require('./c');\n",
            "web/c/index.js": b"module.exports = {}\n",
            "web/d.tsx": b"export function View() { return <div>{area}</div> }\n",
        },
    )
    assert [(s.name, s.kind) for s in index.symbols("web/a.ts")] == [
        ("Shape", "class"),
        ("Box", "class"),
        ("Box.grow", "method"),
        ("area", "variable"),
    ]
    assert (index.imports("web/a.ts"), index.imports("web/b.js")) == (("web/b.js",), ("web/c/index.js",))
    assert index.users("area") == ("web/d.tsx",)


async def test_references_stand_nearest_first_without_the_definitions(tmp_path: Path) -> None:
    index = await index_of(tmp_path, FILES)
    found = await find_references(index, "Session.close")
    assert [(ref.path, ref.line, ref.closeness) for ref in found.found] == [
        ("main.py", 3, "imports it"),
        ("other.py", 2, "other"),
    ]
    assert found.found[0].text == "make().close()"
    near = await find_references(index, "close", near=["other.py"], limit=1)
    assert [(ref.path, ref.closeness) for ref in near.found] == [("other.py", "same file")]
    assert (near.total, near.files) == (2, 2)
    assert (await find_references(index, "nothing_of_this_name")).found == ()


async def test_an_edit_is_seen_without_reading_the_rest_again(tmp_path: Path) -> None:
    index = await index_of(tmp_path, FILES)
    edited: dict[str, bytes | None] = {"other.py": None, "new.py": b"def fresh():\n    pass\n"}
    stats = await index.update(FILES, edited)
    assert (stats.files, stats.parsed) == (len(FILES), 1)
    assert "other.py" not in index
    assert index.read("new.py").startswith(b"def fresh")
    assert [path for path, _ in index.definitions("fresh")] == ["new.py"]


async def test_of_a_known_snapshot_no_file_is_read(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    for path, data in FILES.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_bytes(data)
    snapshot = await take_snapshot(repository, tmp_path / "snapshot", owner=None)
    cold = await CodeIndex.open(tmp_path / "code.sqlite3").update(SourceFiles(snapshot))
    for path in FILES:
        (Path(snapshot.base) / path).write_bytes(b"unreadable now: would be parsed differently")
    index = CodeIndex.open(tmp_path / "code.sqlite3")
    warm = await index.update(SourceFiles(snapshot))
    assert (cold.parsed, warm.parsed, warm.files) == (len(FILES), 0, len(FILES))
    assert index.definitions("Session")


@pytest.mark.parametrize(
    "damage",
    [b"not a database at all, but long enough to be taken for one" * 20, b"", b"SQLite format 3\0" + b"\xff" * 5000],
)
async def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    await index_of(tmp_path, FILES)
    (tmp_path / "code.sqlite3").write_bytes(damage)
    index = CodeIndex.open(tmp_path / "code.sqlite3")
    assert (await index.update(FILES)).parsed == len(FILES)
    assert (await CodeIndex.open(tmp_path / "code.sqlite3").update(FILES)).parsed == 0
    assert index.definitions("make")


async def test_a_cache_of_a_newer_schema_is_made_anew(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "code.sqlite3") as connection:
        connection.execute("CREATE TABLE blobs (future TEXT)")
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    index = await index_of(tmp_path, FILES)
    assert index.definitions("make")


async def test_a_damaged_row_is_parsed_again_and_a_lost_one_too(tmp_path: Path) -> None:
    index = await index_of(tmp_path, FILES)
    with sqlite3.connect(tmp_path / "code.sqlite3") as connection:
        connection.execute("UPDATE blobs SET facts = x'00', uses = x'00'")
    connection.close()
    assert (await find_references(index, "make")).total == 3
    assert (await CodeIndex.open(tmp_path / "code.sqlite3").update(FILES)).parsed == len(FILES) - 2
    with sqlite3.connect(tmp_path / "code.sqlite3") as connection:
        connection.execute("DELETE FROM blobs")
    connection.close()
    assert (await index.docstrings(["shop/session.py"]))["shop/session.py"] == [
        ("", 1, "Sessions of a shop."),
        ("Session", 11, "Holds a basket."),
        ("Session.close", 15, "End it."),
    ]


async def test_several_indexes_share_one_cache_at_the_same_time(tmp_path: Path) -> None:
    indexes = [CodeIndex.open(tmp_path / "code.sqlite3") for _ in range(3)]
    await asyncio.gather(*(index.update(FILES) for index in indexes))
    assert {index.outline("shop/session.py") for index in indexes} == {indexes[0].outline("shop/session.py")}
    assert (await CodeIndex.open(tmp_path / "code.sqlite3").update(FILES)).parsed == 0


async def test_hostile_files_hold_nothing_and_cost_only_themselves(tmp_path: Path) -> None:
    files = {
        "deep.py": b"(" * 400_000,
        "binary.py": bytes(range(256)) * 100,
        "long.py": b"x = '" + b"a" * (10 << 20) + b"'\n",
        "broken.py": b"def ok():\n    pass\n\nclass (((:\n  def\n",
        "latin.py": "# coding: latin-1\ndef grüße(): pass\n".encode("latin-1"),
        "empty.py": b"",
        "good.py": b"def good(): pass\n",
        "names.py": b"def " + b"n" * 5000 + b"(): pass\n" + b"def f(" + b"a, " * 2000 + b"): pass\n",
    }
    index = await index_of(tmp_path, files)
    problems = {path: index.facts(path).problem for path in index.paths if index.facts(path).problem}
    assert problems == {"deep.py": "too deeply nested", "binary.py": "binary", "long.py": "too large"}
    assert [s.name for s in index.symbols("broken.py")][:1] == ["ok"]
    assert index.definitions("good")
    (wide,) = index.symbols("names.py")
    assert len(wide.signature) == MAX_SIGNATURE
    assert len(files["long.py"]) > MAX_FILE_BYTES
    assert (await CodeIndex.open(tmp_path / "code.sqlite3").update(files)).parsed == 0


async def test_a_folder_that_cannot_hold_the_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RunError, match="code index"):
        CodeIndex.open(tmp_path / "file" / "code.sqlite3")


async def test_a_file_that_vanished_is_an_error_and_not_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "a.py").write_bytes(b"x = 1\n")
    snapshot = await take_snapshot(tmp_path / "repository", tmp_path / "snapshot", owner=None)
    (Path(snapshot.base) / "a.py").unlink()
    with pytest.raises(RunError, match="cannot be read"):
        await CodeIndex.open(tmp_path / "code.sqlite3").update(SourceFiles(snapshot))


def test_control_characters_never_make_a_name(tmp_path: Path) -> None:
    facts = unpacked(extract("python", b"def a\x1b[31m(): pass\nb = '\x1b[2J'\n")[0])
    assert not any("\x1b" in name for name, *_ in facts[1])
