from __future__ import annotations

from pathlib import Path

import pytest

from covey.core.errors import RunError
from covey.workspace.codeindex import CodeIndex
from covey.workspace.docsearch import DocSearch

FILES = {
    "README.md": b"# Shop\n\nHow to install the shop.\n",
    "docs/guide.rst": b"Guide\n=====\n\n" + b"Filler words here.\n" * 200 + b"\nPrices are rounded half up.\n",
    "docs/binary.txt": b"rounded\0rounded",
    "data/rounded.txt": b"rounded rounded, but no documentation\n",
    "shop/prices.py": b'"""Prices of goods."""\n\nclass Price:\n    def exact(self):\n        """Never rounded."""\n',
}


async def opened(tmp_path: Path, files: dict[str, bytes] | None = None, *, full_text: bool = True) -> DocSearch:
    index = CodeIndex.open(tmp_path / "code.sqlite3")
    await index.update(files or FILES)
    return await DocSearch.open(tmp_path / "docs", files or FILES, index, full_text=full_text)


@pytest.mark.parametrize("full_text", [True, False])
async def test_documents_and_docstrings_are_found_by_any_of_the_words(tmp_path: Path, full_text: bool) -> None:
    docs = await opened(tmp_path, full_text=full_text)
    found = await docs.search("Is anything ROUNDED?")
    assert {(passage.path, passage.name) for passage in found} == {
        ("docs/guide.rst", ""),
        ("shop/prices.py", "Price.exact"),
    }
    (guide,) = [passage for passage in found if passage.path == "docs/guide.rst"]
    assert "rounded half up" in guide.text
    assert len(guide.text) <= 302
    assert 100 < guide.line <= 205


@pytest.mark.parametrize(
    "query", ["", "!!!", '" OR "', "NEAR(a b)", "install*", "col:x", "zebra", "'; DROP TABLE passages"]
)
async def test_a_query_is_words_and_never_syntax(tmp_path: Path, query: str) -> None:
    docs = await opened(tmp_path)
    found = await docs.search(query)
    assert [passage.path for passage in found] == (["README.md"] if "install" in query else [])


async def test_the_limit_holds(tmp_path: Path) -> None:
    assert len(await (await opened(tmp_path)).search("filler words prices shop", limit=2)) == 2


async def test_an_index_is_made_once_and_only_the_newest_stay(tmp_path: Path) -> None:
    await opened(tmp_path)
    (made,) = (tmp_path / "docs").iterdir()
    before = made.stat().st_mtime_ns
    await opened(tmp_path)
    assert made.stat().st_mtime_ns == before
    for number in range(6):
        docs = await opened(tmp_path, {"README.md": f"number{number}".encode()})
        assert await docs.search(f"number{number}")
    assert len(list((tmp_path / "docs").iterdir())) == 4


async def test_a_damaged_index_says_so_and_is_made_anew(tmp_path: Path) -> None:
    docs = await opened(tmp_path)
    (made,) = (tmp_path / "docs").iterdir()
    made.write_bytes(b"damaged" * 1000)
    with pytest.raises(RunError, match="made anew"):
        await docs.search("install")
    assert await (await opened(tmp_path)).search("install")
