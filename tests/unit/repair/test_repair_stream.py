"""The stream: order, laziness, fairness, determinism, deeper candidates."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from covey.core.patch import Candidate
from covey.core.repair import Suspect
from covey.core.testing import Failure
from covey.repair.stream import CandidateStream
from covey.workspace.edits import apply_edits
from support_repair import PATH, source, stream_of, suspects_of, tree

PROGRAM = source(
    """
    LIMIT = 3

    class Box:
        def __init__(self, items, size=2):
            self.items = items
            self.size = size

        def fits(self, item):
            if item is None or len(self.items) > self.size:
                return False
            for other in self.items:
                if other == item:
                    return True
            return len(item) + 1 < LIMIT

    def first(xs, default=None):
        try:
            return xs[0]
        except KeyError:
            return default
    """
)


def test_the_same_input_gives_the_same_candidates_in_the_same_order() -> None:
    one = stream_of(PROGRAM).take(0, 5000)
    other = stream_of(PROGRAM)
    pieces: list[Candidate] = []
    while part := other.take(len(pieces), 37):
        pieces.extend(part)
    assert [c.id for c in one] == [c.id for c in pieces]
    assert other.exhausted_at() == len(one)


def test_the_seed_changes_the_order_and_not_the_set() -> None:
    one = stream_of(PROGRAM).take(0, 5000)
    other = stream_of(PROGRAM, seed=7).take(0, 5000)
    programs = [{tree(apply_edits(PROGRAM, c.edits)) for c in found} for found in (one, other)]
    assert programs[0] == programs[1]
    assert [c.id for c in one] != [c.id for c in other]
    assert [c.id for c in other] == [c.id for c in stream_of(PROGRAM, seed=7).take(0, 5000)]


def test_scores_never_rise_along_the_stream() -> None:
    scores = [c.score for c in stream_of(PROGRAM).take(0, 5000)]
    assert all(left >= right for left, right in pairwise(scores))


def test_a_more_suspicious_line_comes_first() -> None:
    line = (
        PROGRAM.decode()
        .split("\n")
        .index("            return len(item) + 1 < LIMIT".replace("            ", "        "))
        + 1
    )
    suspects = [s.model_copy(update={"score": 1.0 if s.line == line else 0.1}) for s in suspects_of(PROGRAM)]
    found = CandidateStream({PATH: PROGRAM}, suspects).take(0, 20)
    assert all(c.line == line for c in found)


def test_no_line_starves_the_others() -> None:
    found = stream_of(PROGRAM).take(0, 150)
    by_line = Counter(c.line for c in found)
    assert len(by_line) >= 8
    assert max(by_line.values()) < 60


def test_no_two_candidates_are_the_same_program() -> None:
    found = stream_of(PROGRAM).take(0, 5000)
    trees = Counter(tree(apply_edits(PROGRAM, c.edits)) for c in found)
    repeated = sum(count - 1 for count in trees.values())
    assert tree(PROGRAM) not in trees
    assert repeated <= len(found) // 50  # wide and narrow edits that meet in one program are rare


def test_opening_is_lazy() -> None:
    suspects = [Suspect(path=PATH, line=s.line, score=1.0 if s.line == 1 else 0.01) for s in suspects_of(PROGRAM)]
    stream = CandidateStream({PATH: PROGRAM}, suspects)
    assert stream.take(0, 1)
    assert stream.exhausted_at() is None


def test_unreadable_files_are_noted_and_others_still_searched() -> None:
    suspects = [Suspect(path="bad.py", line=1, score=1.0), *suspects_of(PROGRAM)]
    stream = CandidateStream({PATH: PROGRAM, "bad.py": b"def ("}, suspects)
    assert stream.take(0, 3)
    assert any("bad.py" in note for note in stream.notes)


def test_nothing_suspicious_gives_nothing() -> None:
    stream = CandidateStream({PATH: PROGRAM}, ())
    assert stream.take(0, 5) == ()
    assert stream.exhausted_at() == 0
    assert CandidateStream({}, suspects_of(PROGRAM)).take(0, 5) == ()


def test_deeper_candidates_hold_a_seed_and_one_edit_more() -> None:
    program = source("def f(a, b):\n    if a > b:\n        a = b\n    return list(range(a, b))\n")
    suspects = suspects_of(program)
    seeds = [
        c for c in CandidateStream({PATH: program}, suspects).take(0, 500) if b"b + 1" in apply_edits(program, c.edits)
    ]
    assert seeds
    stream = CandidateStream.from_progress({PATH: program}, seeds[:1], suspects)
    found = stream.take(0, 400)
    assert found
    for candidate in found:
        assert set(seeds[0].edits) <= set(candidate.edits)
        assert candidate.origin.count("+") >= 1
        tree(apply_edits(program, candidate.edits))
    assert any(
        b"a, b = b, a" in apply_edits(program, c.edits) or b"a >= b" in apply_edits(program, c.edits) for c in found
    )
    assert all(one.end <= other.start for c in found for one, other in pairwise(c.edits))


def test_two_faults_in_two_lines_are_reached_in_two_steps() -> None:
    program = source("def f(xs):\n    total = 1\n    for x in xs:\n        total -= x\n    return total\n")
    suspects = suspects_of(program)
    first = [c for c in CandidateStream({PATH: program}, suspects).take(0, 400) if c.origin == "augmented-operator"]
    found = CandidateStream.from_progress({PATH: program}, first[:3], suspects).take(0, 600)
    wanted = tree(source("def f(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total\n"))
    assert any(tree(apply_edits(program, c.edits)) == wanted for c in found)


def test_explanations_say_what_changed() -> None:
    found = stream_of(PROGRAM, Failure(type="IndexError", message="list index out of range")).take(0, 5000)
    assert all(c.explanation and c.origin for c in found)
    caught = [c for c in found if "except IndexError" in c.explanation]
    assert caught
    assert "`except KeyError:` became" in caught[0].explanation
