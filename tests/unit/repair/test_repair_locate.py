"""Localisation: coverage, crashes, mentions, import-time statements."""

from __future__ import annotations

from covey.core.repair import Spectrum, TracedTest
from covey.core.testing import Failure, Frame, Outcome, TestResult
from covey.repair.locate import dstar, locate, ochiai
from covey.repair.paths import is_test_path
from support_repair import source

PROGRAM = source(
    """
    LIMIT = 10
    OTHER = 4

    class Cart:
        rate = 2

        def total(self, xs, scale=1):
            result = 0
            for x in xs:
                result -= x
            return result * scale

        def unused(self):
            return OTHER

    def check(n):
        if n > LIMIT:
            return False
        return True

    def double(n):
        return (
            n +
            n
        )
    """
)
LINES = PROGRAM.decode().split("\n")


def _line(text: str) -> int:
    return next(i for i, line in enumerate(LINES, 1) if line.strip() == text)


def _traced(name: str, outcome: Outcome, *lines: str) -> TracedTest:
    result = TestResult(id=f"tests/test_cart.py::{name}", outcome=outcome, path="tests/test_cart.py")
    return TracedTest(
        result=result, lines={"cart.py": tuple(sorted(_line(line) for line in lines)), "tests/test_cart.py": (1, 2)}
    )


SOURCES = {
    "cart.py": PROGRAM,
    "tests/test_cart.py": b"from cart import Cart, check\ndef test_a():\n    assert Cart().total([1]) == 1\n",
    "data.txt": b"x",
}
SPECTRUM = Spectrum(
    tests=(
        _traced("test_a", Outcome.failed, "result = 0", "for x in xs:", "result -= x", "return result * scale"),
        _traced("test_b", Outcome.passed, "result = 0", "for x in xs:", "return result * scale"),
        _traced("test_c", Outcome.passed, "if n > LIMIT:", "return True"),
    ),
    at_import={"cart.py": tuple(range(1, len(LINES)))},
)
TARGET = "tests/test_cart.py::test_a"


def test_the_line_that_only_the_failing_test_runs_comes_first() -> None:
    found = locate(SPECTRUM, [TARGET], {}, SOURCES)
    assert found[0].line == _line("result -= x")
    assert found[0].symbol == "Cart.total"
    assert found[0].reasons


def test_lines_that_only_passing_tests_run_are_no_suspects() -> None:
    found = {s.line for s in locate(SPECTRUM, [TARGET], {}, SOURCES)}
    assert _line("if n > LIMIT:") not in found
    assert _line("return OTHER") not in found


def test_tests_and_other_files_are_never_suspects() -> None:
    assert {s.path for s in locate(SPECTRUM, [TARGET], {}, SOURCES)} == {"cart.py"}


def test_headers_of_functions_that_run_are_suspects_too() -> None:
    found = {s.line: s for s in locate(SPECTRUM, [TARGET], {}, SOURCES)}
    assert 0 < found[_line("def total(self, xs, scale=1):")].score < found[_line("result -= x")].score


def test_a_constant_is_suspicious_through_the_function_that_uses_it() -> None:
    spectrum = Spectrum(
        tests=(_traced("test_a", Outcome.failed, "if n > LIMIT:", "return True"),), at_import=SPECTRUM.at_import
    )
    found = {s.line: s.score for s in locate(spectrum, [TARGET], {}, SOURCES)}
    assert found[_line("LIMIT = 10")] > 0
    assert _line("OTHER = 4") not in found


def test_the_innermost_frame_of_the_crash_is_raised() -> None:
    failure = Failure(
        type="TypeError",
        frames=(
            Frame(path="tests/test_cart.py", line=3),
            Frame(path="cart.py", line=_line("return result * scale"), function="total"),
        ),
    )
    plain = {s.line: s.score for s in locate(SPECTRUM, [TARGET], {}, SOURCES)}
    found = {s.line: s for s in locate(SPECTRUM, [TARGET], {TARGET: failure}, SOURCES)}
    line = _line("return result * scale")
    assert found[line].score > plain[line]
    assert any("raised here" in reason for reason in found[line].reasons)


def test_statements_over_several_lines_are_named_by_their_first() -> None:
    spectrum = Spectrum(
        tests=(
            TracedTest(
                result=TestResult(id=TARGET, outcome=Outcome.failed),
                lines={"cart.py": (_line("n +"), _line("n +") + 1)},
            ),
        )
    )
    assert locate(spectrum, [TARGET], {}, SOURCES)[0].line == _line("return (")


def test_without_coverage_frames_and_mentions_still_give_an_order() -> None:
    failure = Failure(type="KeyError", frames=(Frame(path="cart.py", line=_line("return True"), function="check"),))
    found = locate(Spectrum(), [TARGET], {TARGET: failure}, SOURCES)
    assert found[0].line == _line("return True")
    mentioned = locate(Spectrum(), [TARGET], {}, SOURCES, mentioned=[Frame(path="", line=0, function="check")])
    assert mentioned[0].symbol == "check"


def test_nothing_known_still_gives_every_function() -> None:
    sources = {"cart.py": PROGRAM}
    found = locate(Spectrum(), ["x"], {}, sources)
    assert {s.symbol for s in found} >= {"Cart.total", "check", "double"}


def test_a_function_whose_call_did_not_fit_is_raised() -> None:
    failure = Failure(type="TypeError", message="Cart.total() missing 1 required positional argument: 'xs'")
    found = {s.line: s for s in locate(SPECTRUM, [TARGET], {TARGET: failure}, SOURCES)}
    assert any("named in the failure" in r for r in found[_line("def total(self, xs, scale=1):")].reasons)


def test_the_limit_holds_and_the_order_is_stable() -> None:
    found = locate(SPECTRUM, [TARGET], {}, SOURCES)
    assert locate(SPECTRUM, [TARGET], {}, SOURCES, limit=2) == found[:2]
    assert [s.score for s in found] == sorted((s.score for s in found), reverse=True)


def test_the_formulas() -> None:
    assert ochiai(1, 0, 0) == 1.0
    assert ochiai(1, 3, 0) == 0.5
    assert ochiai(0, 3, 1) == 0.0
    assert dstar(1, 0, 0) == 1.0
    assert dstar(2, 1, 1) == 2 / 3
    assert dstar(0, 1, 1) == 0.0


def test_which_files_are_tests() -> None:
    assert all(
        map(is_test_path, ["test_a.py", "a_test.py", "conftest.py", "pkg/tests/helper.py", "tests/x.py", "test/x.py"])
    )
    assert not any(map(is_test_path, ["pkg/testing.py", "pkg/contest.py", "django/test/client.py", "pkg/latest.py"]))
    assert is_test_path("pkg/test/util.py", ["pkg/test/test_a.py"])
