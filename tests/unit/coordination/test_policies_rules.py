"""Rules: when to try again, when to give up, when to ask no more."""

from __future__ import annotations

import pytest

from covey.coordination.policies.rules import Decision, Turn, format_errors, identical, no_news, rule

pytestmark = pytest.mark.requirement("C12")


def coder(action: str, *evidence: str, failed: bool = False) -> Turn:
    return Turn(role="patcher", action=action, evidence=evidence, failed=failed, codes=True)


def leader(action: str, *, failed: bool = False) -> Turn:
    return Turn(role="leader", action=action, failed=failed)


FAILED = coder("", failed=True)


def test_two_turns_in_a_row_without_a_usable_answer_end_all_asking_whoever_was_asked() -> None:
    assert format_errors([leader("a"), FAILED]).decision is Decision.go_on
    assert format_errors([leader("", failed=True), FAILED]).decision is Decision.stop
    assert format_errors([FAILED, leader("a"), FAILED]).decision is Decision.go_on


def test_the_same_action_again_is_tried_once_more_and_then_given_up() -> None:
    turns = [coder("a", "x"), coder("b", "y"), coder("a", "z")]
    assert identical(turns[:2]).decision is Decision.go_on
    assert identical(turns).decision is Decision.retry
    assert identical([*turns, coder("b", "q")]).decision is Decision.abandon
    assert identical([*turns, coder("c", "q")]).decision is Decision.go_on


def test_an_empty_action_is_a_repetition() -> None:
    assert identical([coder("a"), coder("")]).decision is Decision.retry
    assert identical([coder("a"), coder(""), coder("")]).decision is Decision.abandon


def test_only_turns_of_the_same_role_are_repetitions() -> None:
    assert identical([leader("a"), coder("a")]).decision is Decision.go_on
    assert identical([leader("a"), coder("b"), leader("a")]).decision is Decision.retry


def test_a_failed_turn_repeats_nothing() -> None:
    assert identical([coder("a"), FAILED]).decision is Decision.go_on
    assert identical([coder("a"), FAILED, coder("b")]).decision is Decision.go_on


def test_two_turns_of_coders_that_tell_nothing_new_are_given_up() -> None:
    first = coder("a", "it fails")
    assert no_news([first, coder("b", "it fails")]).decision is Decision.go_on
    assert no_news([first, coder("b", "it fails"), coder("c", "it fails")]).decision is Decision.abandon
    assert no_news([first, coder("b", "it fails"), coder("c", "else"), coder("d", "else")]).decision is Decision.go_on


def test_a_round_of_several_coders_may_tell_nothing_new_as_a_whole() -> None:
    turns = [coder("a", "it fails"), *(coder(name, "it fails") for name in "bcde")]
    assert no_news(turns[:4], 4).decision is Decision.go_on
    assert no_news(turns, 4).decision is Decision.abandon
    assert rule(turns[:4], 4) == no_news(turns[:4], 4)


def test_what_a_critic_says_is_news_and_what_a_leader_says_is_none() -> None:
    first, again = coder("a", "it fails"), coder("b", "it fails")
    critic = Turn(role="critic", action="c", evidence=("too greedy",))
    assert no_news([first, again, critic, coder("d", "it fails")]).decision is Decision.go_on
    assert no_news([first, again, leader("x"), coder("d", "it fails")]).decision is Decision.abandon


@pytest.mark.parametrize(
    ("turns", "decision", "says"),
    [
        ([], Decision.go_on, ""),
        ([coder("a", "x")], Decision.go_on, ""),
        ([FAILED, FAILED], Decision.stop, "no usable answer 2 times in a row"),
        ([coder("a", "x"), coder("a", "x")], Decision.retry, "patcher repeated itself"),
        ([coder("a", "x"), coder("b", "x"), coder("c", "x")], Decision.abandon, "told nothing new"),
    ],
)
def test_a_ruling_says_why(turns: list[Turn], decision: Decision, says: str) -> None:
    ruling = rule(turns)
    assert ruling.decision is decision
    assert says in ruling.why


def test_a_ruling_follows_from_the_turns_alone() -> None:
    turns = (coder("a", "x"), coder("a", "x"), coder("a", "x"))
    assert rule(turns) == rule(tuple(Turn.model_validate_json(turn.model_dump_json()) for turn in turns))
