from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from covey.workspace.codeindex_facts import read_facts
from covey.workspace.codeindex_modules import resolve
from covey.workspace.codeindex_parse import LANGUAGES, MAX_NAME, extract, unpacked
from covey.workspace.repomap import pagerank

_PIECES = st.sampled_from(
    ["def f(", "class C:\n", "  ", "\n", ")", "import a.b\n", "from .x import (y,\n", "'", '"""', "@d\n", "x = 1\n",
     "function g() {", "}", "const k = ", "=>", "`${", "export ", "interface I {", "\ufeff", "\x0c", "\r", "é", "<div>"]
)  # fmt: skip
_TEXT = st.lists(_PIECES | st.text(max_size=5), max_size=40).map(
    lambda parts: "".join(parts).encode("utf-8", "replace")
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(set(LANGUAGES.values()))), _TEXT | st.binary(max_size=200))
def test_whatever_a_file_holds_its_facts_are_bounded_and_repeatable(language: str, data: bytes) -> None:
    columns = extract(language, data)
    assert columns == extract(language, data)
    facts = read_facts(columns[0])
    assert facts is not None
    lines = data.count(b"\n") + 1
    assert all(1 <= symbol.line <= symbol.last_line <= lines for symbol in facts.symbols)
    assert all("\n" not in symbol.name + symbol.signature for symbol in facts.symbols)
    uses = unpacked(columns[1])
    assert tuple(uses) == facts.names
    assert all(0 < len(name.encode("utf-8", "replace")) <= MAX_NAME * 3 for name in uses)
    assert all(1 <= line <= lines for found in uses.values() for line in found)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=5))
def test_any_import_resolves_to_files_of_the_repository_only(path: str, imports: list[str]) -> None:
    files = {"a.py", "a/__init__.py", "b/c.ts", "__init__.py", path}
    found = resolve(path, imports, files)
    assert set(found) <= files - {path}
    assert list(found) == sorted(found)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 9)), max_size=6
    ),
    st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0.01, 9)),
)
def test_ranks_are_positive_shares_of_one(edges: dict[str, dict[str, float]], seeds: dict[str, float]) -> None:
    ranks = pagerank(list("abcdef"), edges, seeds)
    assert abs(sum(ranks.values()) - 1) < 1e-9
    assert min(ranks.values()) >= 0
