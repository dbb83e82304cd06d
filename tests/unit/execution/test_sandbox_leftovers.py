"""Folders of killed Coveys go; those of living ones, and everything else, stay."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from covey.execution.sandboxes import leftovers
from support_sandbox import make


def dead_pid() -> int:
    """A process id that was in use a moment ago."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def filled(folder: Path) -> Path:
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("x")
    return folder


def test_only_folders_of_dead_processes_are_swept(tmp_path: Path) -> None:
    dead = dead_pid()
    gone = [filled(tmp_path / f"{kind}-{dead}-0123abcd") for kind in ("run", "probe")]
    kept = [
        filled(tmp_path / leftovers.run_name()),
        filled(tmp_path / f"{leftovers.probe_prefix()}abc_1"),
        filled(tmp_path / f"mine-{dead}-0123abcd"),
    ]
    leftovers.sweep(tmp_path)
    assert not any(path.exists() for path in gone)
    assert all((path / "deep" / "file").exists() for path in kept)


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    elsewhere = filled(tmp_path / "elsewhere")
    scratch = tmp_path / "scratch"
    folder = filled(scratch / f"run-{dead_pid()}-0123abcd")
    (folder / "link").symlink_to(elsewhere)
    leftovers.sweep(scratch)
    assert list(scratch.iterdir()) == []
    assert (elsewhere / "deep" / "file").exists()


def test_a_scratch_folder_that_is_not_there_yet_is_no_trouble(tmp_path: Path) -> None:
    leftovers.sweep(tmp_path / "nothing")
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_the_next_probe_of_bubblewrap_sweeps(tmp_path: Path) -> None:
    left = filled(tmp_path / f"probe-{dead_pid()}-0123abcd")
    await make("bubblewrap", tmp_path)
    assert not left.exists()
    assert list(tmp_path.iterdir()) == []
