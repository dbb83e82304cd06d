"""From suspicious lines to suspicious functions and files."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from covey.core.repair import Suspect
from covey.repair.granularity import by_file, by_function


def at(path: str, line: int, score: float, symbol: str = "") -> Suspect:
    return Suspect(path=path, line=line, score=score, symbol=symbol)


def test_a_strong_line_outranks_many_faint_ones() -> None:
    faint = [at("a.py", line, 0.2, "long") for line in range(20)]
    ranked = by_function([*faint, at("a.py", 50, 0.9, "short")])
    assert [item.symbol for item in ranked] == ["short", "long"]
    assert ranked[0] == ("a.py", "short", 0.9, 50)


def test_a_second_line_raises_its_function_and_file() -> None:
    suspects = [at("b.py", 3, 0.5, "one"), at("a.py", 1, 0.5, "f"), at("a.py", 2, 0.4, "f")]
    assert [item.symbol for item in by_function(suspects)] == ["f", "one"]
    first, second = by_file(suspects)
    assert (first.path, first.line, second.path, second.score) == ("a.py", 1, "b.py", 0.5)
    assert 0.5 < first.score < 1


SUSPECTS = st.lists(
    st.builds(
        at, st.sampled_from(["a.py", "b.py"]), st.integers(1, 9), st.floats(0, 1), st.sampled_from(["", "f", "C.m"])
    ),
    max_size=12,
)


@given(SUSPECTS)
def test_no_function_or_file_is_lost_and_none_scores_below_its_best_line(suspects: list[Suspect]) -> None:
    functions, files = by_function(suspects), by_file(suspects)
    assert {(item.path, item.symbol) for item in functions} == {(item.path, item.symbol) for item in suspects}
    for file in files:
        best = max(item.score for item in suspects if item.path == file.path)
        assert round(best, 6) <= file.score <= 1
    assert by_function(suspects[::-1]) == functions or len({item.score for item in suspects}) < len(suspects)
