"""Candidates side by side on the same inputs, in the real fork server."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from covey.core.execution import TestCommand
from covey.core.patch import Candidate, Edit
from covey.core.repair import ProbeReport, Standing, ValidationPlan
from covey.execution.forkserver import ForkServer
from covey.execution.sandboxes.bare import BareSandbox
from covey.execution.sandboxes.select import choose
from support_execution import LIMITS, this_environment, write_tree

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNITTEST = TestCommand(framework="unittest", argv=(sys.executable, "-m", "unittest"))

SOURCE = """
import time


def half(n):
    return n / 2


def order(values, reverse=False):
    values.sort()
    return values


def countdown(n):
    while n > 0:
        yield n
        n -= 1


async def later(n):
    return n + 1


class Cart:
    def __init__(self, items):
        self.items = items

    def total(self, extra=None):
        return sum(self.items) + (extra or 0)


def stamp(n):
    return (n, time.perf_counter_ns())


def remember(n, seen=[]):
    seen.append(n)
    return len(seen)


def each(stream):
    return sum(1 for line in stream)


def guarded(n):
    return 10 // n


def shape(n):
    return {n: [n]}


def loop(n):
    while n != 3:
        n += 1
    return n


def apply(function, value):
    return function(value)
"""

TESTS = """
import asyncio
import unittest

import calc


class Calc(unittest.TestCase):
    def test_half(self):
        self.assertEqual([calc.half(n) for n in (4, 6, 10)], [2, 3, 5])

    def test_order(self):
        self.assertEqual(calc.order([3, 1, 2]), [1, 2, 3])

    def test_countdown(self):
        self.assertEqual(list(calc.countdown(3)), [3, 2, 1])
        self.assertEqual(list(calc.countdown(1)), [1])

    def test_later(self):
        self.assertEqual(asyncio.new_event_loop().run_until_complete(calc.later(1)), 2)

    def test_cart(self):
        self.assertEqual(calc.Cart([1, 2]).total(), 3)
        self.assertEqual(calc.Cart([5]).total(1), 6)

    def test_stamp(self):
        self.assertEqual(calc.stamp(3)[0], 3)

    def test_remember(self):
        self.assertEqual(calc.remember(3), 1)

    def test_each(self):
        with open("calc.py") as stream:
            self.assertTrue(calc.each(stream))

    def test_guarded(self):
        self.assertEqual(calc.guarded(5), 2)

    def test_shape(self):
        self.assertEqual(calc.shape(5), {5: [5]})

    def test_loop(self):
        self.assertEqual(calc.loop(1), 3)

    def test_apply(self):
        self.assertEqual(calc.apply(lambda value: value + 1, 1), 2)

    def test_endless(self):
        calc.half(77)
        while True:
            pass
"""


def edit(old: str, new: str) -> Candidate:
    start = SOURCE.index(old)
    edits = (Edit(path="calc.py", start=start, end=start + len(old), text=new),)
    return Candidate(id=Candidate.make_id(edits), edits=edits, origin="test", path="calc.py", line=1)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ForkServer]:
    tmp_path = tmp_path_factory.mktemp("probes")
    tree = write_tree(tmp_path / "tree", {"calc.py": SOURCE, "test_calc.py": TESTS}, None)
    sandbox = BareSandbox(tmp_path / "scratch")
    async with ForkServer(sandbox, this_environment(), UNITTEST, tree, workers=1, limits=LIMITS, seed=0) as running:
        yield running


async def probe(server: ForkServer, test: str, *candidates: Candidate) -> ProbeReport:
    return await server.probe(candidates, [f"test_calc.Calc.{test}"], timeout_s=20.0, seed=0)


def texts(report: ProbeReport, candidate: Candidate | None = None) -> dict[str, str]:
    """What came of each call: with a candidate, else with the code as it is."""
    found = report.outcomes[candidate.id] if candidate else report.base
    return {item.call: out.text for item, out in zip(report.inputs, found, strict=True) if out is not None}


def digests(report: ProbeReport, candidate: Candidate) -> list[str]:
    return [outcome.digest for outcome in report.outcomes[candidate.id]]


async def test_functions_get_the_recorded_calls_and_others_near_them(server: ForkServer) -> None:
    floor, shift, rounded = edit("n / 2", "n // 2"), edit("n / 2", "n >> 1"), edit("n / 2", "int(n / 2)")
    report = await probe(server, "test_half", floor, shift, rounded)
    assert [item.call for item in report.inputs if item.recorded] == ["half(4)", "half(6)", "half(10)"]
    assert {item.path for item in report.inputs} == {"calc.py"}
    assert {"half(0)", "half(-4)", "half(5)"} <= texts(report).keys()
    assert (texts(report)["half(5)"], texts(report, floor)["half(5)"]) == ("returns 2.5", "returns 2")
    assert digests(report, floor) == digests(report, shift)
    assert digests(report, floor) == digests(report, rounded)  # no odd negative number is near


async def test_equal_probes_give_equal_reports_and_leave_the_server_as_it_was(server: ForkServer) -> None:
    one, two = edit("n / 2", "n // 2"), edit("n / 2", "n * 0.5")
    first = await probe(server, "test_half", one, two)
    assert await probe(server, "test_half", one, two) == first
    plan = ValidationPlan(targets=("test_calc.Calc.test_guarded",), timeout_s=10)
    (verdict,) = [verdict async for verdict in server.validate([edit("10 // n", "10 // (n + 0)")], plan)]
    assert (verdict.standing, server.starts) == (Standing.plausible, 1)


async def test_methods_get_a_copy_of_their_instance(server: ForkServer) -> None:
    same, other = edit("(extra or 0)", "(extra if extra else 0)"), edit("(extra or 0)", "(extra or len(self.items))")
    report = await probe(server, "test_cart", same, other)
    assert digests(report, same) == [outcome.digest for outcome in report.base if outcome is not None]
    assert texts(report, same)["Cart(items=[1, 2]).total()"] == "returns 3"
    assert texts(report, other)["Cart(items=[1, 2]).total()"] == "returns 5"
    assert texts(report, other)["Cart(items=[]).total()"] == "returns 0"  # no test has an empty cart


async def test_generators_and_coroutines_are_run_to_their_end(server: ForkServer) -> None:
    stops, later = edit("n > 0", "n > 1"), edit("n + 1", "n + 2")
    report = await probe(server, "test_countdown", stops)
    assert (texts(report)["countdown(3)"], texts(report, stops)["countdown(3)"]) == (
        "yields [3, 2, 1]",
        "yields [3, 2]",
    )
    report = await probe(server, "test_later", later)
    assert (texts(report)["later(1)"], texts(report, later)["later(1)"]) == ("returns 2", "returns 3")


async def test_what_is_done_to_arguments_is_part_of_behaviour(server: ForkServer) -> None:
    copying = edit("values.sort()", "values = sorted(values)")
    report = await probe(server, "test_order", copying)
    assert texts(report)["order([3, 1, 2])"] == "returns [1, 2, 3], leaves values as [1, 2, 3]"
    assert texts(report, copying)["order([3, 1, 2])"] == "returns [1, 2, 3]"


async def test_exceptions_are_outcomes(server: ForkServer) -> None:
    careful = edit("10 // n", "10 // n if n else None")
    report = await probe(server, "test_guarded", careful)
    assert texts(report)["guarded(0)"] == "raises ZeroDivisionError"
    assert texts(report, careful)["guarded(0)"] == "returns None"


async def test_a_candidate_that_hangs_or_dies_does_so_for_one_input(server: ForkServer) -> None:
    hangs = edit("10 // n", "10 // n if n else [1 for _ in iter(int, 1)]")
    dies = edit("10 // n", "10 // n if n else __import__('os')._exit(0)")
    blocked = edit("10 // n", "10 // n if n else 9 ** (9 ** 9)")  # not a line of Python runs meanwhile
    report = await probe(server, "test_guarded", hangs, dies, blocked)
    assert texts(report, hangs)["guarded(0)"] == texts(report, blocked)["guarded(0)"] == "does not end"
    assert texts(report, dies)["guarded(0)"] == "ends the process"
    others = [texts(report, one) for one in (hangs, dies, blocked)]
    assert [one.pop("guarded(0)") for one in others]
    assert others[0] == others[1] == others[2]
    assert others[0]["guarded(5)"] == "returns 2"


async def test_code_that_hangs_as_it_is_does_not_keep_candidates_from_being_compared(server: ForkServer) -> None:
    ends = edit("n != 3", "n < 3")
    report = await probe(server, "test_loop", ends)
    assert (texts(report)["loop(107)"], texts(report, ends)["loop(107)"]) == ("does not end", "returns 107")


async def test_calls_before_a_test_hangs_are_recorded(server: ForkServer) -> None:
    report = await probe(server, "test_endless", edit("n / 2", "n // 2"))
    assert [item.call for item in report.inputs if item.recorded] == ["half(77)"]


async def test_inputs_on_which_behaviour_depends_on_chance_or_on_earlier_calls_do_not_count(server: ForkServer) -> None:
    report = await probe(server, "test_stamp", edit("(n, time", "(n + 0, time"))
    assert report.inputs == ()
    assert "probe inputs do not count" in " ".join(report.notes)
    report = await probe(server, "test_remember", edit("len(seen)", "len(seen) + 0"))
    assert "remember(3)" not in texts(report)
    assert texts(report)["remember(3, [])"] == "returns 1, leaves seen as [3]"


async def test_calls_whose_arguments_cannot_be_copied_are_left_out_and_named(server: ForkServer) -> None:
    report = await probe(server, "test_each", edit("sum(1 for", "sum(2 for"))
    assert report.inputs == ()
    assert "1 call(s) could not be recorded" in " ".join(report.notes)


async def test_functions_as_arguments_are_passed_on(server: ForkServer) -> None:
    wrapped = edit("function(value)", "function(value) + 1")
    report = await probe(server, "test_apply", wrapped)
    assert (texts(report)["apply(<lambda>, 1)"], texts(report, wrapped)["apply(<lambda>, 1)"]) == (
        "returns 2",
        "returns 3",
    )


async def test_what_cannot_be_looked_into_is_marked(server: ForkServer) -> None:
    report = await probe(server, "test_shape", edit("{n: [n]}", "lambda: n"))
    assert {outcome.kind for found in report.outcomes.values() for outcome in found} == {"opaque"}


async def test_a_candidate_that_cannot_be_put_into_running_code_is_named_and_the_others_are_compared(
    server: ForkServer,
) -> None:
    signature, body = edit("half(n):", "half(n, m=2):"), edit("n / 2", "n // 2")
    report = await probe(server, "test_half", signature, body)
    assert report.outcomes.keys() == {body.id}
    assert report.unprobed == {signature.id: "code that runs at import changes"}
    assert report.inputs


async def test_a_candidate_that_kills_the_comparison_leaves_an_empty_report(tmp_path: Path) -> None:
    sandbox = await choose("auto", tmp_path / "scratch")  # a real one: this kills what it can reach
    tree = write_tree(tmp_path / "tree", {"calc.py": SOURCE, "test_calc.py": TESTS}, sandbox.owner)
    async with ForkServer(sandbox, this_environment(), UNITTEST, tree, workers=1, limits=LIMITS, seed=0) as server:
        report = await probe(server, "test_half", edit("n / 2", "__import__('os').kill(-1, 9)"))
        assert (report.inputs, len(report.notes)) == ((), 1)
        assert (await probe(server, "test_half", edit("n / 2", "n // 2"))).inputs
