"""Which drafts a deeper search builds upon."""

from __future__ import annotations

from covey.coordination.deepening import promising
from covey.core.patch import Candidate
from covey.core.repair import Standing, Verdict
from covey.core.testing import Failure
from support_roles import plain_candidate, verdict_of

BEFORE = {"t1": Failure(type="TypeError", message="no"), "t2": Failure(type="AssertionError", message="assert 1 == 9")}


def failed_at(name: str, target: str, kind: str, message: str) -> tuple[Candidate, Verdict]:
    verdict = Verdict(
        candidate=name, standing=Standing.failed, stopped_at=target, failure_type=kind, failure_message=message
    )
    return plain_candidate(name), verdict


def test_drafts_that_mend_targets_come_as_they_are() -> None:
    pair = (plain_candidate("a"), verdict_of("a", Standing.progress, "t1"))
    assert promising([pair], BEFORE) == (pair,)
    assert promising([pair], BEFORE, mended=1) == ()


def test_of_drafts_that_fail_later_the_best_few_are_added_best_first() -> None:
    pairs = [failed_at(f"c{value}", "t2", "AssertionError", f"assert {value} == 9") for value in (1, 0, 5, 8, 7, 6, 4)]
    found = promising([*pairs, failed_at("x", "t1", "TypeError", "no")], BEFORE)
    assert [candidate.id for candidate, _ in found] == ["c8", "c7", "c6", "c5"]
    assert all(verdict.standing is Standing.progress and not verdict.flipped for _, verdict in found)


def test_a_third_edit_is_never_built_upon_a_test_that_only_fails_later() -> None:
    assert promising([failed_at("a", "t1", "AssertionError", "assert 1 == 2")], BEFORE, mended=1) == ()


def test_drafts_that_break_something_or_fail_in_the_same_way_are_left_out() -> None:
    broken = (plain_candidate("b"), verdict_of("b", Standing.regressed, "t1"))
    same = failed_at("a", "t2", "AssertionError", "assert 1 == 9")
    elsewhere = failed_at("c", "other", "AssertionError", "assert 8 == 9")
    assert promising([broken, same, elsewhere], BEFORE) == ()
