"""The payload runs alone on every Python that this machine has."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import covey.execution
from covey.execution.interpreters import OLDEST, find_interpreters
from covey.settings import home_folder, search_path

PAYLOAD = Path(covey.execution.__file__).parent / "payload"

TESTS = """
import unittest
class A(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): self.assertEqual(1, 2)
    @unittest.skip("not today")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_known(self): self.fail()
    @unittest.expectedFailure
    def test_surprise(self): pass
    def test_parts(self):
        for n in range(3):
            with self.subTest(n=n): self.assertNotEqual(n, 1)
class B(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("no")
    def test_one(self): pass
    def test_two(self): pass
"""

EXPECTED = {
    "test_a.A.test_good": "passed",
    "test_a.A.test_bad": "failed",
    "test_a.A.test_skipped": "skipped",
    "test_a.A.test_known": "xfailed",
    "test_a.A.test_surprise": "failed",
    "test_a.A.test_parts": "failed",
    "test_a.B.test_one": "error",
    "test_a.B.test_two": "error",
    "test_b": "error",
}


def run(python: str, folder: Path, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    read, write = os.pipe()
    env = {"PYTHONPATH": str(PAYLOAD), "COVEY_CHANNEL_FD": str(write), "COVEY_TREE": str(folder)}
    try:
        done = subprocess.run(
            [python, *arguments], cwd=folder, env=env, pass_fds=[write], capture_output=True, check=False, timeout=30
        )
    finally:
        os.close(write)
    with os.fdopen(read, "rb") as stream:
        lines = stream.read().splitlines()
    return done.returncode, [json.loads(line) for line in lines]


async def test_unittest_reports_the_same_on_every_interpreter(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(TESTS)
    (tmp_path / "test_b.py").write_text("import not_there\n")
    found = await find_interpreters(search_path(), home_folder())
    wanted = {item.version[:2]: str(item.path) for item in found if item.version[:2] >= OLDEST}
    assert wanted
    for version, python in sorted(wanted.items()):
        status, events = run(python, tmp_path, "-m", "covey_unittest")
        results = {event["id"]: event for event in events if event["e"] == "result"}
        assert {name: event["outcome"] for name, event in results.items()} == EXPECTED, version
        assert results["test_b"]["failure"]["missing"] == "not_there", version
        assert results["test_a.A.test_bad"]["failure"]["frames"] == [["test_a.py", 5, "test_bad"]], version
        assert status == 1
        assert events[-1]["e"] == "end"
        assert events[-1]["status"] == 1


async def test_every_file_of_the_payload_compiles_on_the_oldest_interpreter(tmp_path: Path) -> None:
    found = await find_interpreters(search_path(), home_folder())
    oldest = min((item.version, str(item.path)) for item in found if item.version[:2] >= OLDEST)[1]
    code = "import sys; [compile(open(name, 'rb').read(), name, 'exec') for name in sys.argv[1:]]"
    files = sorted(map(str, PAYLOAD.glob("*.py")))
    assert len(files) > 10
    assert run(oldest, tmp_path, "-c", code, *files)[0] == 0
