"""What can be done with a run that has ended: check it, replay it, export it, take it up again."""

from __future__ import annotations

import asyncio
import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from covey.agents.workbench import Workbench
from covey.app import history
from covey.app.build import open_store, run_folder
from covey.app.run import resume_run
from covey.core.errors import ReplayDivergence, RunError, UnusableInput
from covey.core.execution import ExecSpec
from covey.core.report import RunReport
from covey.core.review import Evaluation, Resolution
from covey.core.run import Run, RunStatus
from covey.evidence.bundle import write_bundle
from covey.settings import Settings
from support_app import shop_settings, solve_shop
from support_evidence import make_item
from support_workspace import fingerprint


@dataclass(frozen=True)
class Ended:
    """One run that ended with a patch; tests leave it as they found it."""

    settings: Settings
    repository: Path
    report: RunReport

    @property
    def id(self) -> str:
        return self.report.run_id

    @property
    def bundle(self) -> Path:
        return self.settings.out_dir / self.id

    @property
    def snapshot(self) -> Path:
        return run_folder(self.settings, self.id) / "snapshot"


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    folder = tmp_path_factory.mktemp("ended")
    patch = pytest.MonkeyPatch()
    patch.setenv("COVEY_CONFIG", str(folder / "no-config.yaml"))
    try:
        settings = shop_settings(folder / "home")
        report = asyncio.run(solve_shop(folder / "repository", settings))
        assert report.status is RunStatus.patched
        yield Ended(settings, folder / "repository", report)
    finally:
        patch.undo()


@pytest.fixture
def bundle(ended: Ended, tmp_path: Path) -> Path:
    """A copy of the bundle, to damage."""
    return Path(shutil.copytree(ended.bundle, tmp_path / ended.id))


@pytest.fixture
def not_run(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tests are not run again; the list names the snapshots on which they would have been."""
    grounds: list[str] = []

    async def judge(run: Run, tools: Workbench, solution: Any) -> Evaluation:
        grounds.append(tools.ground.snapshot.base)
        found = solution.evaluation
        assert isinstance(found, Evaluation)
        return found

    monkeypatch.setattr(history, "_judge_again", judge)
    return grounds


# -- verify


async def test_an_intact_bundle_is_confirmed_by_fresh_runs_of_its_tests(ended: Ended) -> None:
    before = fingerprint(ended.repository)
    checked = await history.verify(ended.id, ended.settings, offline=False)
    assert (checked.ok, checked.faults, checked.agrees, checked.reduced) == (True, (), True, "")
    assert checked.tests is not None
    assert checked.tests.resolution is Resolution.resolved
    assert fingerprint(ended.repository) == before
    assert not (run_folder(ended.settings, ended.id) / "verify").exists()


async def test_a_bundle_is_found_by_the_beginning_of_its_run_and_by_its_folder(ended: Ended) -> None:
    for what in (ended.id[:12], str(ended.bundle)):
        checked = await history.verify(what, ended.settings, offline=True)
        assert (checked.run_id, checked.ok, checked.agrees, checked.tests) == (ended.id, True, None, None)


async def test_a_changed_bundle_has_faults_and_its_tests_are_not_run(
    ended: Ended, bundle: Path, not_run: list[str]
) -> None:
    (bundle / "report.md").write_text("another story")
    checked = await history.verify(str(bundle), ended.settings, offline=False)
    assert not checked.ok
    assert any("report.md" in fault for fault in checked.faults)
    assert not not_run


async def test_a_verdict_that_cannot_be_confirmed_is_not_ok(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    async def judge(run: Run, tools: Workbench, solution: Any) -> Evaluation:
        return Evaluation(patch=solution.patch.id, resolution=Resolution.unresolved)

    monkeypatch.setattr(history, "_judge_again", judge)
    checked = await history.verify(ended.id, ended.settings, offline=False)
    assert (checked.faults, checked.agrees, checked.ok) == ((), False, False)


async def test_a_bundle_from_elsewhere_is_checked_without_its_tests(
    ended: Ended, bundle: Path, tmp_path: Path, not_run: list[str]
) -> None:
    elsewhere = ended.settings.model_copy(update={"home": tmp_path / "other-home"})
    checked = await history.verify(str(bundle), elsewhere, offline=False)
    assert (checked.ok, checked.agrees) == (True, None)
    assert "not in this machine's store" in checked.reduced
    assert not not_run


async def test_a_whole_bundle_that_borrows_a_runs_name_is_not_that_runs(ended: Ended, tmp_path: Path) -> None:
    item = make_item()
    run = item.run.model_copy(update={"id": ended.id})
    folder = await write_bundle(tmp_path / "forged", item.model_copy(update={"run": run}))
    checked = await history.verify(str(folder), ended.settings, offline=True)
    assert not checked.ok
    assert "not the one that this machine's run wrote" in checked.faults[0]


async def test_without_the_snapshot_the_unchanged_repository_is_the_ground(ended: Ended, not_run: list[str]) -> None:
    away = ended.snapshot.rename(ended.snapshot.with_name("away"))
    try:
        checked = await history.verify(ended.id, ended.settings, offline=False)
    finally:
        away.rename(ended.snapshot)
    assert checked.agrees is True
    assert not_run == [str(run_folder(ended.settings, ended.id) / "verify" / "snapshot" / "base")]


@pytest.mark.parametrize("name", ["manifest.json", "snapshot.json", "base/shop/cart.py"])
async def test_a_damaged_snapshot_is_not_the_ground(ended: Ended, name: str, not_run: list[str]) -> None:
    path = ended.snapshot / name
    data = path.read_bytes()
    path.write_bytes(b"{")
    try:
        checked = await history.verify(ended.id, ended.settings, offline=False)
    finally:
        path.write_bytes(data)
    assert checked.agrees is True
    assert "verify" in not_run[0]


async def test_without_snapshot_and_with_a_changed_repository_the_tests_are_not_run(
    ended: Ended, not_run: list[str]
) -> None:
    away = ended.snapshot.rename(ended.snapshot.with_name("away"))
    new = ended.repository / "new.py"
    new.write_text("x = 1\n")
    try:
        checked = await history.verify(ended.id, ended.settings, offline=False)
        new.unlink()
        ended.repository.rename(ended.repository.with_name("moved"))
        gone = await history.verify(ended.id, ended.settings, offline=False)
    finally:
        away.rename(ended.snapshot)
        ended.repository.with_name("moved").rename(ended.repository)
    for found in (checked, gone):
        assert (found.ok, found.agrees) == (True, None)
        assert "Neither the run's snapshot nor the repository" in found.reduced
    assert not not_run


async def test_a_run_or_a_bundle_that_nobody_knows_is_unusable_input(ended: Ended, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput):
        await history.verify("20200101-000000-abcdef", ended.settings, offline=True)
    elsewhere = ended.settings.model_copy(update={"out": tmp_path / "nowhere"})
    with pytest.raises(UnusableInput, match="--out was used"):
        await history.verify(ended.id, elsewhere, offline=True)


# -- replay, rollback, export


async def test_a_run_is_derived_again_from_its_log_without_running_anything(ended: Ended) -> None:
    report = await history.replay_run(ended.id[:-2], ended.settings)
    assert (report.identical, report.walked_head, report.divergence) == (True, ended.report.head, "")


async def test_a_replay_that_wants_to_run_something_has_diverged() -> None:
    nothing = history._Nothing()
    spec = ExecSpec(argv=("python",))
    for wanted in (nothing.probe(), nothing.exec(spec)):
        with pytest.raises(ReplayDivergence):
            await wanted
    with pytest.raises(ReplayDivergence, match="python"):
        nothing.start(spec)


async def test_a_run_that_wrote_nothing_cannot_be_rolled_back(ended: Ended) -> None:
    with pytest.raises(UnusableInput, match="nothing to take back"):
        await history.rollback(ended.id, ended.settings)


async def test_a_run_named_by_its_beginning_is_exported_with_its_bundle(ended: Ended, tmp_path: Path) -> None:
    for number, name in enumerate((ended.id, ended.id[:10])):
        assert await history.export(name, tmp_path / f"{number}.zip", ended.settings) == ()
        with zipfile.ZipFile(tmp_path / f"{number}.zip") as archive:
            assert any(entry.endswith("manifest.json") for entry in archive.namelist())


async def test_the_log_alone_is_exported_as_json_lines(ended: Ended, tmp_path: Path) -> None:
    assert await history.export(ended.id, tmp_path / "run.jsonl", ended.settings) == ()
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert len(lines) > 5


# -- resume


async def test_a_run_that_has_ended_is_only_reported_again(ended: Ended) -> None:
    again = await resume_run(ended.id, ended.settings)
    assert again.model_copy(update={"duration_s": ended.report.duration_s}) == ended.report


async def test_a_run_that_has_ended_stays_as_it_ended_when_its_ground_is_gone(ended: Ended) -> None:
    before = fingerprint(ended.bundle, times=False)
    away = ended.snapshot.rename(ended.snapshot.with_name("away"))
    try:
        with pytest.raises(RunError, match="snapshot of this run is gone"):
            await resume_run(ended.id, ended.settings)
    finally:
        away.rename(ended.snapshot)
    async with open_store(ended.settings) as store:
        assert (await store.get(ended.id)).status is RunStatus.patched
    assert fingerprint(ended.bundle, times=False) == before
