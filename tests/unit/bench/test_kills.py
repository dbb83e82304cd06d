"""The kill harness: it sees what is wrong (told by a scripted ground), and its parts work on real processes."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from covey.bench import kills
from covey.bench.kills import Harness
from covey.bench.kills_ground import RUN_S, Ground, Told, fingerprint

STEPS = ("prepare", "test", "document")
DONE = Told(run_id="r", status="patched", final=True, head="abc", steps=STEPS)


class Process:
    """A program that takes for ever unless it is left alone."""

    def __init__(self, code: int) -> None:
        self._code = code
        self.returncode: int | None = None

    def wait(self, timeout: float = RUN_S) -> int:
        if self.returncode is None:
            if timeout < RUN_S:
                raise subprocess.TimeoutExpired("covey", timeout)
            self.returncode = self._code
        return self.returncode

    def kill(self) -> None:
        self.returncode = -9


@dataclass
class Scripted:
    """A ground on which nothing happens; ``told`` is what looks at the store give, the last one again and again."""

    told: list[Told | None] = field(default_factory=lambda: [DONE])
    codes: list[int] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    changed: bool = False
    repo: Path = Path("repo")
    said: str = "words"
    started: list[tuple[str, ...]] = field(default_factory=list)

    def home(self, name: str) -> Path:
        return Path(name)

    def start(self, home: Path, module: str, *arguments: str) -> Process:
        self.started.append((home.name, module, *arguments))
        return Process(self.codes.pop(0) if self.codes else 0)

    def read(self, _: Path) -> Told | None:
        return self.told.pop(0) if len(self.told) > 1 else self.told[0]

    def leftovers(self, _: Path) -> list[str]:
        return self.left


@pytest.fixture
def orphans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is still running after each kill."""
    left: list[str] = []
    monkeypatch.setattr(kills, "wait_for_orphans", lambda: left)
    return left


def harness(ground: Scripted) -> Harness:
    made = Harness(cast("Ground", ground), 7)
    made.calm()
    made.calm_s = 1.0
    return made


def test_kills_are_counted_and_the_run_is_resumed_until_its_end(orphans: list[str]) -> None:
    open_run = Told(run_id="r", status="running", final=False, head="a", steps=STEPS[:1])
    ground = Scripted(told=[DONE, DONE, None, open_run, open_run, DONE])
    one = harness(ground)
    one._one_run(Path("rough"), 3)
    assert (one.tally.kills, one.tally.runs, one.tally.resumed, one.tally.faults) == (3, 1, 2, [])
    assert [words[2:4] for words in ground.started[1:]] == [("run", "--repo")] * 2 + [("runs", "resume")] * 2
    assert orphans == []


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (DONE.model_copy(update={"head": "other"}), "its head is other"),
        (DONE.model_copy(update={"steps": ("prepare", "prepare")}), "a step is recorded twice"),
        (DONE.model_copy(update={"faults": ("page 3 is damaged",)}), "page 3 is damaged"),
        (DONE.model_copy(update={"final": False}), "did not come to its end"),
        (None, "did not come to its end"),
    ],
)
def test_what_the_store_tells_wrong_is_a_fault(orphans: list[str], told: Told | None, fault: str) -> None:
    one = harness(Scripted(told=[DONE, DONE, told]))
    one._one_run(Path("rough"), 1)
    assert any(fault in words for words in one.tally.faults)


def test_a_changed_folder_leftovers_processes_and_exit_codes_are_faults(orphans: list[str]) -> None:
    ground = Scripted()
    one = harness(ground)
    orphans.append("process 7: sleep")
    ground.changed, ground.left, ground.codes = True, ["rough/scratch/probe-1"], [3, 3]
    one._one_run(Path("rough"), 0)
    one._no_process_left("killed")
    assert one.tally.faults == [
        "run ended with 3: words",
        "run 1: the user's folder was changed",
        "killed: process 7: sleep",
    ]
    ground.codes = []
    one._one_run(Path("rough"), 0)
    assert one.tally.faults[-1] == "run 2 left rough/scratch/probe-1"


def test_every_write_is_a_point_and_each_must_leave_what_was_recorded(orphans: list[str]) -> None:
    looks = [Told(run_id="r", status="running", final=False, head="x", steps=STEPS[:n]) for n in range(4)]
    told = [DONE, DONE, None, looks[1], looks[1], looks[2], looks[2], looks[3], DONE]
    ground = Scripted(told=[*told], codes=[0] + [9] * 8 + [0])
    one = harness(ground)
    one.kill_at_every_write()
    assert (one.tally.points, one.tally.faults) == (8, [])
    assert [words[-2:] for words in ground.started[1:]] == [
        *[("before", "1"), ("after", "1")] * 3, ("write", "1"), ("write", "2"), ("write", "3"),
    ]  # fmt: skip
    lost = harness(Scripted(told=[*told[:3], looks[0], *told[4:]], codes=[0] + [9] * 8 + [0]))
    lost.kill_at_every_write()
    assert lost.tally.faults == ["ended after the record of step 0: () are recorded"]


def test_a_store_ends_its_process_at_the_write_that_was_asked_for(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import asyncio, sys
        from covey.bench.kills_child import end_at
        class Store:
            async def append(self, run_id, step): print("append", step, flush=True)
            async def set_status(self, run_id, status): print("status", status, flush=True)
            create = record_metrics = put_artifact = link_artifact = set_status
        async def work():
            store = Store()
            end_at(store, sys.argv[1], int(sys.argv[2]))
            await store.set_status("r", "running")
            for step in range(3):
                await store.append("r", step)
        asyncio.run(work())
        """
    )

    def ended(where: str, number: int) -> tuple[int, list[str]]:
        done = subprocess.run(
            [sys.executable, "-c", script, where, str(number)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        return done.returncode, done.stdout.splitlines()

    assert ended("before", 2) == (9, ["status running", "append 0"])
    assert ended("after", 2) == (9, ["status running", "append 0", "append 1"])
    assert ended("write", 1) == (9, ["status running"])
    assert ended("after", 4) == (0, ["status running", "append 0", "append 1", "append 2"])


def test_orphans_are_found_named_and_ended(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import json, subprocess, sys
        from pathlib import Path
        from covey.bench import kills_ground as ground
        from covey.execution.launcher.syscalls import prctl
        prctl(ground._PR_SET_CHILD_SUBREAPER, 1)
        ground.ORPHANS_S = float(sys.argv[1])
        started = "import subprocess; subprocess.Popen(['sleep', '" + sys.argv[2] + "'], start_new_session=True)"
        subprocess.run([sys.executable, "-c", started], check=True)
        print(json.dumps([ground.wait_for_orphans(), ground.wait_for_orphans()]))
        """
    )

    def found(within: str, sleep: str) -> list[list[str]]:
        done = subprocess.run([sys.executable, "-c", script, within, sleep], capture_output=True, text=True, check=True)
        return cast("list[list[str]]", json.loads(done.stdout))

    named, afterwards = found("0.1", "1000")
    assert len(named) == 1
    assert named[0].endswith(": sleep")
    assert afterwards == []
    assert found("30", "0.01") == [[], []]


def test_a_fingerprint_sees_bytes_modes_and_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    seen = {fingerprint(tmp_path)}
    (tmp_path / "a").write_text("two")
    seen.add(fingerprint(tmp_path))
    (tmp_path / "a").chmod(0o600)
    seen.add(fingerprint(tmp_path))
    (tmp_path / "b").symlink_to("a")
    seen.add(fingerprint(tmp_path))
    assert len(seen) == 4
    assert fingerprint(tmp_path) in seen


@pytest.mark.slow
def test_a_real_run_that_ends_itself_after_a_step_is_found_as_it_was_left(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import json, sys
        from pathlib import Path
        from covey.bench import kills
        from covey.bench.kills_ground import Ground
        ground = Ground(Path(sys.argv[1]), kills._example())
        harness = kills.Harness(ground, 0)
        home = ground.home("one")
        codes = [harness._child(home, "after", 2), harness._child(home, "before", 1)]
        told = ground.read(home)
        print(json.dumps([codes, told.steps, told.final, ground.changed, harness.tally.faults]))
        """
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[9, 9], ["prepare", "understand"], False, False, []]
