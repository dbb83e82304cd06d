"""What a run leaves behind: its status, its bundle, its notes, and what is tidied away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from covey.agents.slots import Brief, Localisation, Reproduction, Story
from covey.agents.workbench import Prepared
from covey.app.build import open_store, run_folder
from covey.app.report import failed_bundle, finish_run, notes_of, touched_files
from covey.app.run import _tidy
from covey.coordination.coordinator import Solution
from covey.core.errors import ConfigError, EnvironmentBuildError, StoreError, UnusableInput
from covey.core.execution import Applied
from covey.core.patch import Patch
from covey.core.run import RunStatus
from covey.core.testing import TestReport
from covey.evidence.check import check_bundle
from covey.settings import Settings
from covey.testing.memory import MemoryStore
from support_app import shop_settings, solve_shop
from support_roles import SHOP, candidate_of, failed, make_bench, passed, report_of
from support_store import make_run


def solution_of(**facts: object) -> Solution:
    given: dict[str, object] = {"status": RunStatus.no_patch, "story": Story(headline="No acceptable patch was found.")}
    return Solution.model_validate({**given, **facts})


# -- notes


async def test_everything_reduced_or_set_aside_is_noted(tmp_path: Path) -> None:
    ground = (await make_bench(tmp_path)).ground
    prepared = Prepared(
        snapshot=ground.snapshot.model_copy(update={"notes": ("left out",)}),
        environment=ground.environment.model_copy(update={"notes": ("built by pip",)}),
        command=ground.command.model_copy(update={"notes": ("found",)}),
    )
    solution = solution_of(
        baseline=TestReport(applied=Applied(sandbox="none")),
        brief=Brief(notes=("cut",)),
        reproduction=Reproduction(set_aside={"b": "no network", "a": "no module"}, notes=("flaky",)),
        localisation=Localisation(notes=("no coverage",)),
        notes=("deadline",),
    )
    assert notes_of(prepared, solution, applied=True) == (
        "The repository's code ran without a sandbox (--unsafe-no-sandbox).",
        "left out", "built by pip", "found", "cut", "flaky",
        "a is red and was set aside: no module.", "b is red and was set aside: no network.",
        "no coverage", "deadline",
    )  # fmt: skip


async def test_an_applied_patch_is_noted(tmp_path: Path) -> None:
    ground = (await make_bench(tmp_path)).ground
    patch = Patch(id="p", base="b", diff="", files=())
    said = notes_of(ground, solution_of(patch=patch), applied=True)
    assert said[-1] == "The patch was applied to the repository (--apply)."
    assert notes_of(ground, solution_of(patch=patch), applied=False) == ()


async def test_touched_files_have_their_bytes_before_and_after(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    candidate = candidate_of(tools, "shop/cart.py", "-=", "+=")
    patch = Patch(id="p", base="b", diff="", files=("shop/cart.py",), candidate=candidate)
    before = SHOP["shop/cart.py"].encode()
    assert touched_files(tools.ground, patch) == {"shop/cart.py": (before, before.replace(b"-=", b"+="))}
    assert touched_files(tools.ground, None) == {}


# -- what is kept of a run that ended, or could not


async def test_a_run_without_a_patch_has_a_bundle_that_holds(tmp_path: Path) -> None:
    settings = shop_settings(tmp_path / "home")
    tools = await make_bench(tmp_path)
    baseline = report_of(failed("a"), passed("b"))
    async with open_store(settings) as store:
        run = make_run()
        await store.create(run)
        report = await finish_run(
            run, store, settings, tools, prepared=tools.ground, solution=solution_of(baseline=baseline, tried=7),
            duration_s=2.0, applied=False,
        )  # fmt: skip
        kept = {artifact.name for artifact in await store.artifacts(run.id)}
    assert (report.status, report.exit_code, report.patch, report.applied) == (RunStatus.no_patch, 1, None, False)
    assert (report.candidates, report.duration_s) == (7, 2.0)
    assert kept >= {"report.json", "report.md", "manifest.json", "logs/before.txt"}
    assert check_bundle(settings.out_dir / run.id).faults == ()


class Broken:
    """A solve whose preparation is told to fail."""

    def __init__(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, **settings: object
    ) -> None:
        self.folder = tmp_path
        self.settings: Settings = shop_settings(tmp_path / "home", **settings)

        async def prepare(*_: object) -> Prepared:
            raise error

        monkeypatch.setattr("covey.app.run.prepare", prepare)

    async def solve(self) -> None:
        await solve_shop(self.folder / "repository", self.settings)

    async def left(self) -> tuple[RunStatus, str, Path]:
        """Status, error and bundle folder of the run that failed."""
        async with open_store(self.settings) as store:
            (run,) = await store.list()
        return run.status, run.error, self.settings.out_dir / run.id


async def test_a_run_that_fails_leaves_its_status_and_a_bundle_with_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = EnvironmentBuildError("pip failed", detail="index https://u:Zq19xx83aQ@h/ said no")
    broken = Broken(tmp_path, monkeypatch, error)
    with pytest.raises(EnvironmentBuildError):
        await broken.solve()
    status, words, folder = await broken.left()
    assert (status, words) == (RunStatus.failed, "EnvironmentBuildError: pip failed")
    text = (folder / "report.md").read_text()
    assert "pip failed" in text
    assert "said no" in text
    assert "Zq19xx83aQ" not in text
    assert check_bundle(folder).faults == ()


async def test_a_run_that_was_cancelled_is_interrupted_and_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken(tmp_path, monkeypatch, asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await broken.solve()
    status, words, folder = await broken.left()
    assert (status, words, folder.exists()) == (RunStatus.interrupted, "", False)
    assert not status.final


async def test_a_store_that_failed_is_not_asked_for_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken(tmp_path, monkeypatch, StoreError("cannot be written"))
    with pytest.raises(StoreError, match="cannot be written"):
        await broken.solve()
    assert not (await broken.left())[2].exists()


async def test_a_log_file_that_cannot_be_written_leaves_no_run_that_seems_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken(tmp_path, monkeypatch, AssertionError("not reached"), log_file=tmp_path)
    with pytest.raises(ConfigError, match="log_file"):
        await broken.solve()
    assert (await broken.left())[0] is RunStatus.failed


async def test_unusable_input_is_an_error_of_the_user_and_the_run_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken(tmp_path, monkeypatch, UnusableInput("no tests"))
    with pytest.raises(UnusableInput):
        await broken.solve()
    assert (await broken.left())[:2] == (RunStatus.failed, "UnusableInput: no tests")


async def test_a_failed_bundle_can_be_written_for_a_run_without_steps(tmp_path: Path) -> None:
    settings = shop_settings(tmp_path / "home")
    async with open_store(settings) as store:
        run = make_run()
        await store.create(run)
        await failed_bundle(run, store, settings, "words")
    assert check_bundle(settings.out_dir / run.id).faults == ()


# -- tidying


async def test_snapshots_of_the_newest_ended_runs_are_kept_and_of_those_that_can_be_resumed(tmp_path: Path) -> None:
    settings = shop_settings(tmp_path / "home", keep_snapshots=2)
    store = MemoryStore()
    names = [f"2026112{number}-101502-3f9a2c" for number in range(5)]
    for name in names:
        await store.create(make_run(name))
        await store.set_status(name, RunStatus.patched)
        for part in ("snapshot", "layers", "verdict", "apply"):
            (run_folder(settings, name) / part).mkdir(parents=True)
    await store.set_status(names[0], RunStatus.interrupted)
    await _tidy(store, settings, names[4])
    kept = {name: {path.name for path in run_folder(settings, name).iterdir()} for name in names}
    assert kept[names[4]] == {"snapshot", "apply"}
    assert [name for name in names if "snapshot" in kept[name]] == [names[0], names[3], names[4]]
    assert all("apply" in kept[name] for name in names)  # a rollback needs it
    assert "layers" in kept[names[0]]
