"""The team as an object: what it takes, what it gives back, and what stays open."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import covey
from covey.app.engines import OneEngine
from covey.app.history import replay_run, verify
from covey.app.system import MultiAgentSystem
from covey.core.errors import ConfigError, UnusableInput, UnusableModel
from covey.core.report import RunReport
from covey.core.run import RunStatus
from covey.core.task import Task, TaskStatus
from covey.models.backends.scripted import Answer, ScriptedBackend
from support_roles import SHOP
from support_workspace import write_files

pytestmark = pytest.mark.requirement("A9")

CODE = [
    "def factorial(n):",
    '    """Return n!."""',
    "    if n < 0:",
    "        raise ValueError('n must not be negative')",
    "    return 1 if n < 2 else n * factorial(n - 1)",
]
HEAD = ["import unittest", "", "from factorials import factorial", "", "", "class FactorialTest(unittest.TestCase):"]
FIVE = ["    def test_five(self):", "        self.assertEqual(factorial(5), 120)"]
NEGATIVE = ["    def test_negative(self):", "        self.assertRaises(ValueError, factorial, -1)"]
NOTHING = ["    def test_nothing(self):", "        self.assertTrue(True)"]


def module(*tests: Sequence[str], code: Sequence[str] = CODE, name: str = "factorials") -> str:
    lines = [*HEAD, *(line for test in tests for line in test)]
    return json.dumps({"name": name, "module": list(code), "tests": lines})


def team(home: Path, *answers: Answer) -> MultiAgentSystem:
    return MultiAgentSystem(
        8,
        50_000,
        "scripted" if answers else None,
        engines=OneEngine(ScriptedBackend(answers)) if answers else None,
        home=home,
        python=sys.executable,
        sandbox="none",
        workers=1,
        plausible=2,
    )


def backend_of(system: MultiAgentSystem) -> ScriptedBackend:
    engines = system._given
    assert isinstance(engines, OneEngine)
    assert isinstance(engines.backend, ScriptedBackend)
    return engines.backend


def report_of(result: object) -> RunReport:
    report = getattr(result, "report", None)
    assert isinstance(report, RunReport)
    return report


async def test_a_task_without_a_repository_gives_a_tested_module_that_replays_and_verifies(tmp_path: Path) -> None:
    async with team(tmp_path, module(FIVE), module(FIVE, NEGATIVE)) as system:
        result = await system.process_task("Write a function to calculate factorial")
        settings = system.settings
        told = backend_of(system).calls[1].prompt[-1].content
    assert result.ok
    assert result.task.status is TaskStatus.completed
    assert result.files["factorials.py"].splitlines() == CODE
    assert set(result.files) == {"factorials.py", "test_factorials.py"}
    assert "only 66 %" in told
    assert "factorials.py lines 4" in told
    report = report_of(result)
    assert "100 % of the statements" in report.explanation
    assert "written together with the module" in report.explanation
    assert (await replay_run(report.run_id, settings)).identical
    checked = await verify(report.run_id, settings, offline=False)
    assert checked.agrees, checked


async def test_a_module_whose_tests_run_too_little_of_it_says_so(tmp_path: Path) -> None:
    async with team(tmp_path, module(FIVE), *["no"] * 3) as system:
        result = await system.process_task("factorial")
    assert result.ok
    assert "only 66 % of the statements in its functions, below 80 %" in report_of(result).explanation


async def test_tests_that_check_nothing_and_tests_that_fail_give_no_module(tmp_path: Path) -> None:
    wrong = module(FIVE, code=[*CODE[:-1], "    return n"])
    async with team(tmp_path, module(NOTHING), wrong, wrong) as system:
        result = await system.process_task("factorial")
        first, second = (call.prompt[-1].content for call in backend_of(system).calls[1:])
    assert not result.ok
    assert (report_of(result).status, report_of(result).exit_code) == (RunStatus.no_patch, 1)
    assert result.headline == "No module passed its own tests."
    assert "the tests check nothing" in first
    assert "1 of 1 tests fail" in second


async def test_a_model_that_writes_no_module_is_told_why_and_leaves_the_floor_to_say_so(tmp_path: Path) -> None:
    bad = [module(FIVE, code=["def broken("]), module(FIVE, name="json"), json.dumps({"name": "x"})]
    async with team(tmp_path, *bad) as system:
        result = await system.process_task("factorial")
        told = backend_of(system).calls[-1].prompt[-1].content
    assert not result.ok
    assert "The model gave no answer that is a module." in report_of(result).explanation
    assert any("The model did not fill the slot of the author" in note for note in report_of(result).notes)
    assert "standard library" in told


async def test_without_a_model_nothing_is_pretended(tmp_path: Path) -> None:
    async with team(tmp_path) as system:
        result = await system.process_task("Write a function to calculate factorial")
    assert not result.ok
    assert "needs a model" in result.headline
    assert result.files == {}


async def test_an_evaluation_goes_on_after_a_task_that_cannot_be_worked_on(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    write_files(shop, SHOP)
    tasks: list[str | Task] = [
        Task(id="gone", repository=str(tmp_path / "gone")),
        Task(id="shop", repository=str(shop)),
        "",
    ]
    async with team(tmp_path / "home") as system:
        found = await system.run_evaluation(tasks)
    assert [result.ok for result in found.results] == [False, True, False]
    assert "is not a folder" in found.results[0].error
    assert found.results[0].task.status is TaskStatus.failed
    assert "Say what is wanted" in found.results[2].headline
    assert (found.solved, found.rate) == (1, 1 / 3)
    assert "-        result -= value" in found.results[1].diff


async def test_engines_that_are_handed_in_stay_open_and_serve_every_task(tmp_path: Path) -> None:
    system = team(tmp_path, *["no"] * 6)
    async with system:
        await asyncio.gather(system.process_task("factorial"), system.process_task("factorial"))
    await system.shutdown()
    assert [call.completion.text for call in backend_of(system).calls] == ["no"] * 6
    assert not backend_of(system).closed


def test_code_that_is_not_asynchronous_has_a_way_in(tmp_path: Path) -> None:
    found = team(tmp_path, module(FIVE, NEGATIVE)).run("factorial")
    assert found.solved == 1
    assert found.tokens.generated > 0
    with pytest.raises(UnusableInput):
        team(tmp_path, module(FIVE)).run(" ")


async def test_what_cannot_be_used_is_said_when_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel):
        await MultiAgentSystem(model=tmp_path / "none.gguf", home=tmp_path).initialize()
    with pytest.raises(ConfigError, match="memory"):
        MultiAgentSystem(max_memory_gb=-1)


def test_the_package_has_it_and_does_not_load_it_at_once() -> None:
    assert covey.MultiAgentSystem is MultiAgentSystem
