"""Building a run's parts from settings, and refusing what cannot be built."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from covey.agents.workbench import Prepared
from covey.app.build import (
    build_workbench,
    check_settings,
    model_seconds,
    open_store,
    outcome_settings,
    prepare,
    recheck,
    run_folder,
)
from covey.app.run import settings_of
from covey.core.budget import Deadline
from covey.core.errors import ConfigError, RunError, StoreError, UnusableInput
from covey.core.progress import nobody
from covey.core.run import Run
from covey.core.task import Task
from covey.execution.sandboxes.bare import BareSandbox
from covey.settings import Settings, load_settings
from support_roles import SHOP
from support_store import make_run
from support_workspace import fingerprint, write_files


def test_what_this_version_cannot_do_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="chaos"):
        check_settings(load_settings(policy="chaos"))
    check_settings(load_settings())


def test_only_settings_that_decide_the_outcome_belong_to_what_a_run_is_about(tmp_path: Path) -> None:
    usual = outcome_settings(load_settings())
    elsewhere = load_settings(home=tmp_path, out=tmp_path, workers=3, keep_snapshots=2, log_file=tmp_path / "log")
    assert outcome_settings(elsewhere) == usual
    assert outcome_settings(load_settings(budget=7)) != usual
    assert "seed" not in usual  # recorded beside them
    assert set(usual) < set(Settings.model_fields)


def test_a_run_is_taken_up_with_the_settings_it_was_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = load_settings(budget=7, seed=5)
    run = make_run(seed=5).model_copy(update={"settings": outcome_settings(started)})
    monkeypatch.setenv("COVEY_PYTHON", "/elsewhere/python")
    monkeypatch.setenv("COVEY_SEED", "9")
    now = load_settings(budget=99, home=tmp_path, workers=3)
    assert now.python == "/elsewhere/python"
    again = settings_of(run, now)
    assert outcome_settings(again) == outcome_settings(started)
    assert (again.python, again.seed, again.home, again.workers) == (None, 5, tmp_path, 3)


def test_settings_of_a_run_that_this_version_does_not_know_are_an_error_in_words() -> None:
    run = make_run().model_copy(update={"settings": {"of_the_future": 1}})
    with pytest.raises(ConfigError, match="of_the_future"):
        settings_of(run, load_settings())


def test_a_workbench_has_the_limits_and_the_budget_of_the_settings(tmp_path: Path) -> None:
    settings = load_settings(
        budget=50, candidates=7, plausible=3, sandbox_memory=0.5, sandbox_disk=2, sandbox_processes=9, workers=2
    )
    run = make_run(seed=4)
    run = run.model_copy(update={"task": run.task.model_copy(update={"holdout": ("tests/x.py",)})})
    tools = build_workbench(run, settings, BareSandbox(tmp_path), 20.0, nobody)
    assert (tools.budget.wall_s, tools.budget.candidates, tools.budget.plausible) == (50, 7, 3)
    assert 29 < tools.deadline.left <= 30  # an earlier part of the run has used 20 s
    assert (tools.limits.memory_bytes, tools.limits.disk_bytes, tools.limits.processes) == (1 << 29, 2 << 30, 9)
    assert tools.suite_timeout_s == 50  # never longer than the whole run
    assert (tools.seed, tools.workers, tools.holdout) == (4, 2, ("tests/x.py",))
    assert tools.folder == run_folder(settings, run.id)


def test_models_may_take_half_of_the_time_and_a_slow_suite_does_not_silence_them() -> None:
    now = 0.0
    deadline = Deadline(30.0, clock=lambda: now)
    assert model_seconds(deadline, 0.0) == 15.0
    assert model_seconds(deadline, 14.0) == 1.0
    assert model_seconds(deadline, 16.0) == 0.0
    now = 20.0
    assert model_seconds(deadline, 0.0) == 7.5  # templates keep a quarter of what is left
    now = 31.0
    assert model_seconds(deadline, 0.0) == 0.0


async def test_a_store_is_private_and_is_made_where_home_is(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "a" / "b")
    async with open_store(settings) as store:
        assert await store.list() == []
    assert settings.home.stat().st_mode & 0o077 == 0
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="COVEY_HOME"):
        async with open_store(load_settings(home=tmp_path / "file" / "home")):
            raise AssertionError


class Ground:
    """A run over the shop, without a sandbox."""

    def __init__(self, tmp_path: Path, **task: object) -> None:
        self.repository = write_files(tmp_path / "repository", SHOP)
        self.settings = load_settings(python=sys.executable, home=tmp_path / "home")
        facts: dict[str, object] = {"id": "task", "repository": str(self.repository), **task}
        self.task = Task.model_validate(facts)
        run = Run(id="20261120-101502-3f9a2c", task=self.task)
        self.tools = build_workbench(run, self.settings, BareSandbox(tmp_path / "scratch"), 0, nobody)

    async def prepare(self) -> Prepared:
        return await prepare(self.task, self.settings, self.tools)


async def test_the_ground_is_a_snapshot_an_environment_and_a_test_command(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    before = fingerprint(ground.repository)
    prepared = await ground.prepare()
    assert prepared.command.framework == "unittest"
    assert prepared.environment.kind == "given"
    assert Path(prepared.snapshot.base, "shop/cart.py").read_text() == SHOP["shop/cart.py"]
    assert fingerprint(ground.repository) == before
    again = await ground.prepare()  # an interrupted attempt leaves nothing in the way
    assert again.snapshot.id == prepared.snapshot.id


async def test_what_covey_itself_keeps_inside_the_repository_is_no_part_of_the_snapshot(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    plain = (await ground.prepare()).snapshot.id
    inside = {"home": ground.repository / "covey-home", "out": ground.repository / "evidence"}
    for folder in inside.values():
        write_files(folder, {"file.py": "x = 1\n"})
    ground.settings = ground.settings.model_copy(update=inside)
    assert (await ground.prepare()).snapshot.id == plain


@pytest.mark.parametrize("name", ["tests/gone.py", "tests/gone.py::test_x", "gone/", "nowhere/tests"])
async def test_a_held_out_path_must_be_in_the_tree(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnusableInput, match="--holdout"):
        await Ground(tmp_path, holdout=(name,)).prepare()


async def test_a_held_out_test_may_have_a_dotted_name(tmp_path: Path) -> None:
    await Ground(tmp_path, holdout=("tests/test_cart.py::CartTest", "tests.test_cart.CartTest.test_empty")).prepare()


async def test_a_resumed_run_stands_only_on_the_ground_it_started_from(tmp_path: Path) -> None:
    prepared = await Ground(tmp_path).prepare()
    await recheck(prepared)
    base = Path(prepared.snapshot.base)
    gone = prepared.environment.model_copy(update={"python": "/nowhere/python"})
    with pytest.raises(RunError, match="environment of this run is gone"):
        await recheck(prepared.model_copy(update={"environment": gone}))
    (base / "shop/cart.py").write_text("other = 1\n")
    with pytest.raises(RunError, match=r"was changed: shop/cart\.py"):
        await recheck(prepared)
    base.rename(tmp_path / "away")
    with pytest.raises(RunError, match="is gone"):
        await recheck(prepared)
