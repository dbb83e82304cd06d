"""The judge and the explanations."""

from __future__ import annotations

from covey.core.patch import Candidate
from covey.core.repair import Standing, Verdict
from covey.core.testing import Failure
from covey.repair.explain import explain
from covey.repair.judge import judge
from covey.workspace.edits import apply_edits
from support_repair import PATH, candidates_of, source

PROGRAM = source(
    """
    def clamp(value, low, high):
        if value < low:
            return low
        if value > high:
            return low
        return value
    """
)


def _of(origin: str, text: str, program: bytes = PROGRAM, *failures: Failure) -> Candidate:
    for candidate in candidates_of(program, *failures):
        if candidate.origin == origin and text.encode() in apply_edits(program, candidate.edits):
            return candidate
    raise AssertionError(f"no {origin} with {text}")


def _plausible(*candidates: Candidate) -> list[tuple[Candidate, Verdict]]:
    return [(c, Verdict(candidate=c.id, standing=Standing.plausible)) for c in candidates]


def test_a_right_name_is_preferred_to_overfitting_edits() -> None:
    right = _of("wrong-name", "if value > high:\n        return high")
    rivals = [
        c for c in candidates_of(PROGRAM) if c.origin in {"delete-statement", "comparison-opposite", "early-exit"}
    ]
    assert {c.origin for c in rivals} == {"delete-statement", "comparison-opposite", "early-exit"}
    equal = [c.model_copy(update={"score": 0.5}) for c in (*rivals, right)]
    found = judge(_plausible(*equal), {PATH: PROGRAM})
    assert found[0].candidate.id == right.id
    assert found[0].demotions == ()
    assert all(scored.demotions for scored in found[1:])


def test_demotions_are_said_in_words() -> None:
    deleted = _of("delete-statement", "if value > high:\n        pass\n")
    (scored,) = judge(_plausible(deleted), {PATH: PROGRAM})
    assert "it deletes a statement" in scored.demotions


def test_equal_programs_are_one() -> None:
    candidate = _of("wrong-name", "if value > high:\n        return high")
    edit = candidate.edits[0]
    spaced = (edit.model_copy(update={"text": "( high )"}),)
    twin = candidate.model_copy(update={"edits": spaced, "id": Candidate.make_id(spaced), "score": 0.01})
    found = judge(_plausible(candidate, twin), {PATH: PROGRAM})
    assert [s.candidate.id for s in found] == [candidate.id]


def test_a_value_fitted_to_the_test_is_demoted() -> None:
    program = source("def f(x):\n    return x + 1\n")
    failure = Failure(type="AssertionError", message="assert 3 == 40")
    fitted = _of("number~literal", "x + 40", program, failure)
    (scored,) = judge(_plausible(fitted), {PATH: program})
    assert any("failing test expects" in reason for reason in scored.demotions)


def test_a_guard_on_a_foreign_name_is_demoted() -> None:
    program = b"def f(a, other):\n    return a.x\n"
    edit = _of("early-exit", "if a is None:", program).edits[0]
    edits = (edit.model_copy(update={"text": "    if unrelated:\n        return\n"}),)
    strange = Candidate(id="x", edits=edits, origin="early-exit", path=PATH, line=2)
    (scored,) = judge(_plausible(strange), {PATH: program})
    assert any("not used nearby" in reason for reason in scored.demotions)


def test_only_plausible_candidates_are_ranked() -> None:
    candidate = _of("wrong-name", "if value > high:\n        return high")
    assert judge([(candidate, Verdict(candidate=candidate.id, standing=Standing.failed))], {PATH: PROGRAM}) == ()


def test_the_explanation_says_where_what_and_how() -> None:
    text = explain(_of("wrong-name", "if value > high:\n        return high"), {PATH: PROGRAM})
    assert text == (
        "In `clamp` (pkg/mod.py:5), `return low` became `return high`. The fault: the wrong variable was used."
    )


def test_edits_of_other_origins_are_explained_too() -> None:
    edit = _of("wrong-name", "if value > high:\n        return high").edits[0]
    written = Candidate(id="m", edits=(edit,), origin="model", path=PATH, line=5)
    assert "`return low` became `return high`" in explain(written, {PATH: PROGRAM})


def test_to_read_a_forgotten_parameter_is_preferred_and_to_leave_one_unread_is_not() -> None:
    program = source("def f(price, tax):\n    return price\n")
    reading, leaving = _of("unread-operand", "price + tax", program), _of("wrong-name", "return tax", program)
    number = Candidate(
        id="n",
        edits=(reading.edits[0].model_copy(update={"text": "price + 5"}),),
        origin="unread-operand",
        path=PATH,
        line=2,
    )
    equal = [one.model_copy(update={"score": 0.5, "origin": "model"}) for one in (number, leaving, reading)]
    assert judge(_plausible(*equal), {PATH: program})[0].candidate.id == reading.id


def test_the_parts_of_a_union_are_known_by_their_names() -> None:
    candidate = _of("wrong-name", "if value > high:\n        return high")
    union = candidate.model_copy(update={"origin": "wrong-name + delete-statement"})
    (scored,) = judge(_plausible(union), {PATH: PROGRAM})
    assert "it deletes a statement" in scored.demotions
    assert "changed by" not in explain(union, {PATH: PROGRAM})


def test_what_no_template_wrote_says_who_did() -> None:
    candidate = _of("wrong-name", "if value > high:\n        return high").model_copy(update={"origin": "model"})
    words = explain(candidate, {PATH: PROGRAM})
    assert words.endswith("Written by a model, not by a template.")
    assert "The fault" not in words
