"""The installer: what tests miss is named from an allow-list, by its module or by a model's choice from the list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from covey.agents.desk import ModelDesk
from covey.agents.installer import ByName, Installation, Installer, InstallRequest, import_failures
from covey.agents.workbench import Workbench
from covey.coordination.coordinator import lacking
from covey.coordination.flock import Flock
from covey.core.errors import AnswerInvalid
from covey.core.testing import Failure, Outcome, TestResult
from covey.models.backends.scripted import ScriptedBackend
from support_roles import SHOP, failed, make_bench, passed, report_of
from support_team import OneModel

PROJECT = (
    '[project]\nname = "shop"\nversion = "1"\n'
    'dependencies = ["lxml>=5", "PyYAML>=6", "requests"]\n'
)  # fmt: skip


def missing(module: str) -> Failure:
    return Failure(type="ModuleNotFoundError", message=f"No module named '{module}'", missing_module=module)


UNCLEAR = Failure(type="ImportError", message="Couldn't find a tree builder; do you need to install a parser?")


async def bench_with(tmp_path: Path, *answers: str) -> Workbench:
    tools = await make_bench(tmp_path, {**SHOP, "pyproject.toml": PROJECT})
    tools.model = ModelDesk(OneModel(ScriptedBackend(answers)), "It is wrong.", 100_000, lambda: 60.0)
    return tools


def choose(*names: str) -> str:
    return json.dumps({"distributions": names})


def asked(tools: Workbench) -> int:
    engines = tools.desk.engines
    assert isinstance(engines, OneModel)
    assert isinstance(engines.backend, ScriptedBackend)
    return len(engines.backend.calls)


def test_failures_of_imports_are_taken_from_a_baseline_once_each() -> None:
    same = [TestResult(id=f"t{number}", outcome=Outcome.error, failure=missing("yaml")) for number in range(3)]
    other = TestResult(id="o", outcome=Outcome.error, failure=UNCLEAR)
    assert import_failures(report_of(*same, other, failed("a"), passed("b"))) == (missing("yaml"), UNCLEAR)


async def test_the_floor_goes_by_the_module_and_leaves_out_the_repositorys_own(tmp_path: Path) -> None:
    tools = await bench_with(tmp_path)
    request = InstallRequest(failures=(missing("yaml"), missing("shop.card"), missing("nobody_knows"), UNCLEAR))
    found = await ByName().run(request, tools)
    assert found == Installation(proposals={"yaml": "PyYAML>=6"})
    assert found.notes == (
        "yaml cannot be imported here; install PyYAML>=6 into the environment and run again.",
    )  # fmt: skip


async def test_a_model_chooses_among_declared_distributions_that_are_not_installed(tmp_path: Path) -> None:
    tools = await bench_with(tmp_path, choose("lxml>=5"))
    found = await Installer(ByName()).run(InstallRequest(failures=(missing("yaml"), UNCLEAR)), tools)
    assert found.proposals == {"yaml": "PyYAML>=6", "lxml>=5": "lxml>=5"}
    assert found.notes[1] == "Tests seem to need lxml>=5; install it into the environment and run again."


async def test_a_model_is_not_asked_when_the_modules_say_it_all(tmp_path: Path) -> None:
    tools = await bench_with(tmp_path)
    assert (await Installer(ByName()).run(InstallRequest(failures=(missing("yaml"),)), tools)).proposals
    assert asked(tools) == 0


async def test_a_model_cannot_choose_what_is_not_in_the_list(tmp_path: Path) -> None:
    tools = await bench_with(tmp_path, *[choose("evil")] * 3)
    with pytest.raises(AnswerInvalid, match="not in the list"):
        await Installer(ByName()).run(InstallRequest(failures=(UNCLEAR,)), tools)
    none = await bench_with(tmp_path / "none", choose())
    assert await Installer(ByName()).run(InstallRequest(failures=(UNCLEAR,)), none) == Installation()


async def test_the_walk_asks_the_installer_only_when_an_import_fails(tmp_path: Path) -> None:
    tools = await bench_with(tmp_path)
    stages: list[str] = []

    async def ask(stage: str, role: Any, request: Any, answer: type[Any]) -> Any:
        stages.append(stage)
        return await role.run(request, tools)

    assert await lacking(ask, Flock(), report_of(failed("a"), passed("b"))) == Installation()
    assert stages == []
    red = TestResult(id="t", outcome=Outcome.error, failure=missing("yaml"))
    assert (await lacking(ask, Flock(), report_of(red))).proposals == {"yaml": "PyYAML>=6"}
    assert stages == ["install"]
