from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from covey.workspace.codeindex import CodeIndex
from covey.workspace.repomap import estimate_tokens, pagerank, repository_map

FILES = {
    "core.py": b"class Engine:\n    def start(self):\n        pass\n\ndef helper():\n    return Engine()\n",
    "a.py": b"from core import Engine\n\ndef alpha():\n    Engine().start()\n",
    "b.py": b"from core import Engine, helper\n\ndef beta():\n    Engine(); helper()\n",
    "lonely.py": b"def nobody_calls_this():\n    pass\n",
}


async def index_of(tmp_path: Path, files: Mapping[str, bytes] = FILES) -> CodeIndex:
    index = CodeIndex.open(tmp_path / "code.sqlite3")
    await index.update(files)
    return index


async def test_what_others_use_comes_first(tmp_path: Path) -> None:
    made = await repository_map(await index_of(tmp_path), 1_000)
    assert made.text.splitlines()[:4] == [
        "core.py:",
        "    1 class Engine",
        "    2   def start(self)",
        "    5 def helper()",
    ]
    assert (made.files, made.symbols, made.of_files) == (4, 6, 4)


@pytest.mark.parametrize(("files", "symbols"), [(["lonely.py"], []), ([], ["nobody_calls_this"])])
async def test_what_is_mentioned_comes_first(tmp_path: Path, files: list[str], symbols: list[str]) -> None:
    made = await repository_map(await index_of(tmp_path), 1_000, files=files, symbols=symbols)
    assert made.text.startswith("lonely.py:\n    1 def nobody_calls_this()\n")


async def test_unknown_mentions_change_nothing(tmp_path: Path) -> None:
    index = await index_of(tmp_path)
    plain = await repository_map(index, 1_000)
    assert await repository_map(index, 1_000, files=["gone.py"], symbols=["gone"]) == plain


@pytest.mark.parametrize("budget", [0, 5, 12, 20, 40, 1_000])
async def test_a_map_never_exceeds_its_budget(tmp_path: Path, budget: int) -> None:
    made = await repository_map(await index_of(tmp_path), budget)
    assert estimate_tokens(made.text) == made.tokens <= budget
    assert bool(made.text) == (budget >= 12)


async def test_the_counter_given_is_the_one_that_counts(tmp_path: Path) -> None:
    made = await repository_map(await index_of(tmp_path), 3, count=lambda text: len(text.splitlines()))
    assert (made.tokens, len(made.text.splitlines())) == (3, 3)


async def test_the_bytes_do_not_depend_on_the_cache_or_the_order_of_files(tmp_path: Path) -> None:
    first = await repository_map(await index_of(tmp_path), 30, symbols=["beta"])
    turned = dict(reversed(FILES.items()))
    (tmp_path / "other").mkdir()
    assert await repository_map(await index_of(tmp_path / "other", turned), 30, symbols=["beta"]) == first


async def test_nothing_of_a_file_reaches_the_terminal_raw(tmp_path: Path) -> None:
    files = {"evil\n\x1b[31m.py": "def f(a='\x1b[2J', b='\u202e'): pass\n".encode()}
    made = await repository_map(await index_of(tmp_path, files), 1_000)
    assert made.text == "evil\\n\\x1b[31m.py:\n    1 def f(a='\\x1b[2J', b='\\u202e')"


async def test_an_empty_repository_has_an_empty_map(tmp_path: Path) -> None:
    made = await repository_map(await index_of(tmp_path, {"notes.txt": b"x"}), 100)
    assert (made.text, made.of_files) == ("", 0)


def test_pagerank_of_a_known_graph() -> None:
    # Two nodes that point at each other share everything; a third that points at one of them gets the restart only.
    ranks = pagerank(["a", "b", "c"], {"a": {"b": 1.0}, "b": {"a": 1.0}, "c": {"a": 1.0}}, {})
    assert ranks["c"] == pytest.approx(0.05)
    assert ranks["a"] > ranks["b"] > ranks["c"]
    assert sum(ranks.values()) == pytest.approx(1.0)
