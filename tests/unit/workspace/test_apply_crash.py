"""The process is killed right before every single write: the user's files are all as before, or all as patched."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import support_apply_crash
from covey.workspace.diff import make_patch
from support_workspace import snapshot_of, write_files

pytestmark = pytest.mark.requirement("F10")

FILES = {"a.py": b"one\r\n", "pkg/b.py": b"two\n", "gone.py": b"bye"}
CHANGES: dict[str, bytes | None] = {"a.py": b"1\r\n", "pkg/b.py": b"2", "gone.py": None, "new/deep/n.py": b"n\n"}


async def attempts(folder: Path, what: str) -> list[dict[str, Any]]:
    root = write_files(folder / "r", FILES)
    snapshot = await snapshot_of(root, folder / "s")
    patch = await make_patch(snapshot, CHANGES, origin="test")
    (folder / "patch.json").write_text(patch.model_dump_json())
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, support_apply_crash.__file__, str(folder), what],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def described(files: dict[str, bytes | None]) -> dict[str, str]:
    found = {path: data.hex() for path, data in files.items() if data is not None}
    for path in list(found):
        found.update({str(parent): "folder" for parent in list(Path(path).parents)[:-1]})
    return found


@pytest.mark.parametrize("what", ["apply", "rollback"])
async def test_killed_before_any_write_it_recovers_to_all_or_nothing(tmp_path: Path, what: str) -> None:
    before, after = described({**FILES}), described({**FILES, **CHANGES})
    found = await attempts(tmp_path, what)
    *killed, last = found
    assert last["status"] == 0
    assert last["then"] == (after if what == "apply" else before)
    assert {attempt["status"] for attempt in killed} == {support_apply_crash.KILLED}
    halfway = [attempt for attempt in killed if attempt["left"] not in (before, after)]
    assert len(halfway) >= 4  # the kills did hit in the middle, and recovery itself was killed again and again
    assert max(attempt["kills"] for attempt in halfway) >= 4
    outcomes = [attempt["then"] for attempt in killed]
    assert [outcome for outcome in outcomes if outcome not in (before, after)] == []
    if what == "apply":
        assert outcomes == [before] * len(outcomes)
    else:
        assert outcomes == [after] * outcomes.count(after) + [before] * outcomes.count(before)
