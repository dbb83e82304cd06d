"""What traces teach the fork server: which tests a candidate needs, and when it has run for too long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from covey.core.patch import Candidate, Edit
from covey.core.repair import Standing, ValidationPlan, Verdict
from covey.execution.forkserver import ForkServer
from covey.execution.sandboxes.select import choose
from support_execution import LIMITS, pytest_command, this_environment, write_tree

COMMAND = pytest_command("-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:timeout", "-p", "no:xdist")

SOURCE = """def add(a, b=1):
    return a - b


def twice(x):
    return x * 2
"""

# Each of these passes while it is traced and fails later, so a candidate's verdict tells whether it ran.
TESTS = """import inspect
import subprocess
import sys
import calc


def traced():
    monitoring = getattr(sys, "monitoring", None)
    tools = range(6) if monitoring else ()
    return sys.gettrace() is not None or any(monitoring.get_events(tool) for tool in tools if monitoring.get_tool(tool))


def test_add():
    assert calc.add(1, 2) == 3


def test_apart():
    assert calc.twice(2) == 4
    assert traced()


def test_near():
    assert calc.add(0, 0) == 0
    assert traced()


def test_reads():
    assert "def add" in inspect.getsource(calc)
    assert traced()


def test_starts():
    subprocess.run([sys.executable, "-c", "import calc; calc.add(1, 1)"], check=True)
    assert traced()


def test_takes_over():
    sys.settrace(None)
"""


def name(test: str) -> str:
    return f"test_calc.py::test_{test}"


def edit(old: str, new: str) -> Candidate:
    start = SOURCE.index(old)
    edits = (Edit(path="calc.py", start=start, end=start + len(old), text=new),)
    return Candidate(id=Candidate.make_id(edits), edits=edits, origin="test", path="calc.py", line=1)


RIGHT = edit("a - b", "a + b")


@pytest.fixture
async def fork_server(tmp_path: Path) -> AsyncIterator[ForkServer]:
    sandbox = await choose("auto", tmp_path / "scratch")
    tree = write_tree(tmp_path / "tree", {"calc.py": SOURCE, "test_calc.py": TESTS}, sandbox.owner)
    environment = this_environment()
    async with ForkServer(sandbox, environment, COMMAND, tree, workers=2, limits=LIMITS, seed=0) as running:
        yield running


async def judge(server: ForkServer, candidate: Candidate, *regressions: str) -> Verdict:
    plan = ValidationPlan(targets=(name("add"),), regressions=tuple(map(name, regressions)), timeout_s=150)
    (verdict,) = [verdict async for verdict in server.validate([candidate], plan)]
    return verdict


async def test_a_test_that_cannot_notice_a_candidate_is_left_out_once_it_was_traced(fork_server: ForkServer) -> None:
    before = await judge(fork_server, RIGHT, "apart")
    assert (before.standing, before.stopped_at) == (Standing.regressed, name("apart"))
    spectrum = await fork_server.trace([name("add"), name("apart"), name("near")], 60)
    assert [test.result.outcome.value for test in spectrum.tests] == ["failed", "passed", "passed"]
    assert (await judge(fork_server, RIGHT, "apart")).standing is Standing.plausible
    assert (await judge(fork_server, RIGHT, "apart", "near")).stopped_at == name("near")


async def test_a_test_that_looks_at_the_source_or_starts_programs_is_never_left_out(fork_server: ForkServer) -> None:
    await fork_server.trace([name("add"), name("reads"), name("starts")], 60)
    for test in ("reads", "starts"):
        verdict = await judge(fork_server, RIGHT, test)
        assert (verdict.standing, verdict.stopped_at) == (Standing.regressed, name(test)), test


async def test_an_endless_candidate_ends_by_the_processor_time_of_its_tests(fork_server: ForkServer) -> None:
    await fork_server.trace([name("add"), name("near")], 60)
    for candidate, mode in (
        (edit("return a - b", "while not b: pass\n    return a + b"), "hotswap"),
        (edit("b=1):\n    return a - b", "b=2):\n    while not b: pass\n    return a + b"), "fresh"),
    ):
        verdict = await judge(fork_server, candidate, "near")
        assert verdict.stopped_at == name("near")
        # Without the limit the plan's 150 seconds would have to pass, more than this test has with its start.
        assert (verdict.standing, verdict.mode) == (Standing.timeout, mode)
        assert verdict.duration_s < 100
