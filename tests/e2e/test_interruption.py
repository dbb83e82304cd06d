"""Kills and Ctrl-C: nothing is lost, no step is done twice, the same result, no process left."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from support_cli import EXAMPLES, covey, environment, fingerprint

pytestmark = pytest.mark.requirement("F10")

KILLS = 6


@pytest.fixture
def playlists(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / "02_unittest_project", tmp_path / "playlists"))


def start(repo: Path, home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "covey", *arguments],
        cwd=repo,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> str:
    """Read to the end and close, so that nothing is left to the garbage collector."""
    out, err = process.communicate(timeout=120)
    return out + err


def head_of(home: Path, run_id: str) -> tuple[str, list[str]]:
    shown = covey("runs", "show", run_id, "--json", home=home).json
    return shown["head"], [step["name"] for step in shown["steps"]]


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_as_if_nothing_had_happened(playlists: Path, own_home: Path) -> None:
    before = fingerprint(playlists)
    undisturbed = covey("run", "--repo", str(playlists), "--json", home=own_home / "calm").json
    home = own_home / "rough"
    clock = random.Random(7)
    process = start(playlists, home, "run", "--repo", str(playlists))
    for _ in range(KILLS):
        time.sleep(clock.uniform(0.2, 1.2))  # a random moment is the point of this test
        process.send_signal(signal.SIGKILL)
        end(process)
        listed = covey("runs", "list", "--json", home=home).json["runs"]
        process = (
            start(playlists, home, "runs", "resume", listed[0]["id"])
            if listed
            else start(playlists, home, "run", "--repo", str(playlists))
        )
    said = end(process)
    assert process.returncode == 0, said
    run_id = covey("runs", "list", "--json", home=home).json["runs"][0]["id"]
    head, names = head_of(home, run_id)
    assert head == undisturbed["head"]
    assert len(names) == len(set(names))
    assert fingerprint(playlists) == before


@pytest.mark.slow
def test_ctrl_c_leaves_a_checkpoint_no_process_and_exit_code_130(playlists: Path, own_home: Path) -> None:
    process = start(playlists, own_home, "run", "--repo", str(playlists))
    while not covey("runs", "list", "--json", home=own_home).json["runs"]:
        assert process.poll() is None, end(process)
    process.send_signal(signal.SIGINT)
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    said = end(process)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not psutil.wait_procs(children, timeout=5)[1]
    run = covey("runs", "list", "--json", home=own_home).json["runs"][0]
    assert run["status"] == "interrupted"
    assert covey("runs", "resume", run["id"], home=own_home).code == 0


def test_two_processes_cannot_walk_the_same_run(playlists: Path, own_home: Path) -> None:
    run_id = covey("run", "--repo", str(playlists), "--json", home=own_home).json["run_id"]
    script = (
        "import asyncio, sys\nfrom covey.app.build import open_store\nfrom covey.settings import load_settings\n"
        "async def main():\n    async with open_store(load_settings()) as store:\n"
        f"        with store.acquire({run_id!r}):\n"
        "            print('held', flush=True)\n            sys.stdin.read()\n"
        "asyncio.run(main())\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment(own_home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    answer = covey("runs", "resume", run_id, home=own_home)
    holder.communicate("", timeout=30)
    assert answer.code == 3
    assert "Traceback" not in answer.err
    assert covey("runs", "resume", run_id, home=own_home).code == 0
