"""Bad input: a clear message, the right exit code, nothing lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest

from support_cli import EXAMPLES, Answer, covey, fingerprint, write_tree

pytestmark = pytest.mark.requirement("E1")

GREEN = {"calc.py": "def add(a, b):\n    return a + b\n"}
TEST = """import unittest
from calc import add


class AddTest(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(2, 3), 5)
"""
RED = {"calc.py": "def add(a, b):\n    return a - b\n", "test_calc.py": TEST}


def refused(answer: Answer, code: int, *words: str) -> None:
    assert answer.code == code, answer.err
    assert "Traceback" not in answer.err
    for word in words:
        assert word in answer.err


def test_a_path_that_does_not_exist(tmp_path: Path, own_home: Path) -> None:
    refused(covey("run", "--repo", str(tmp_path / "nowhere"), home=own_home), 2, "is not a folder")


def test_a_folder_that_is_no_python_project(tmp_path: Path, own_home: Path) -> None:
    repo = write_tree(tmp_path / "r", {"README.md": "words"})
    refused(covey("run", "--repo", str(repo), home=own_home), 2, "Python")


def test_a_project_without_tests(tmp_path: Path, own_home: Path) -> None:
    repo = write_tree(tmp_path / "r", GREEN)
    refused(covey("run", "--repo", str(repo), home=own_home), 2, "no test")


def test_tests_that_pass_already(tmp_path: Path, own_home: Path) -> None:
    repo = write_tree(tmp_path / "r", {**GREEN, "test_calc.py": TEST})
    answer = covey("run", "--repo", str(repo), "--json", home=own_home)
    assert answer.code == 1
    assert answer.json["status"] == "already_passing"
    assert answer.json["diff"] is None


def test_a_test_command_that_does_not_exist(tmp_path: Path, own_home: Path) -> None:
    repo = write_tree(tmp_path / "r", RED)
    refused(covey("run", "--repo", str(repo), "--test", "no-such-program -q", home=own_home), 2, "no-such-program")


def test_a_test_command_that_cannot_be_read(tmp_path: Path, own_home: Path) -> None:
    repo = write_tree(tmp_path / "r", RED)
    refused(covey("run", "--repo", str(repo), "--test", "pytest 'unclosed", home=own_home), 2)


def test_an_interpreter_that_does_not_exist(tmp_path: Path, own_home: Path) -> None:
    repo = write_tree(tmp_path / "r", RED)
    refused(covey("run", "--repo", str(repo), "--python", "/nowhere/python", home=own_home), 2, "/nowhere/python")


def test_a_model_that_this_version_cannot_use(tmp_path: Path, own_home: Path) -> None:
    repo = write_tree(tmp_path / "r", RED)
    refused(covey("run", "--repo", str(repo), "--model", "some.gguf", home=own_home), 2, "some.gguf")


def test_a_held_out_test_that_is_not_there(tmp_path: Path, own_home: Path) -> None:
    repo = write_tree(tmp_path / "r", RED)
    refused(covey("run", "--repo", str(repo), "--holdout", "tests/test_gone.py", home=own_home), 2, "test_gone")


def test_a_setting_that_makes_no_sense(tmp_path: Path, own_home: Path) -> None:
    refused(covey("run", "--repo", str(tmp_path), "--budget", "-5", home=own_home), 2, "budget")


def test_json_has_one_object_for_an_error_too(tmp_path: Path, own_home: Path) -> None:
    answer = covey("run", "--repo", str(tmp_path / "nowhere"), "--json", home=own_home)
    assert (answer.code, answer.json["status"], answer.json["exit_code"]) == (2, "error", 2)


def test_a_run_that_nobody_knows(own_home: Path) -> None:
    for verb in ("show", "replay", "resume", "verify", "rollback"):
        refused(covey("runs", verb, "20200101-000000-abcdef", home=own_home), 2)


def test_a_home_that_cannot_be_made(tmp_path: Path, own_home: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = covey("run", "--repo", str(EXAMPLES / "02_unittest_project"), home=tmp_path / "file" / "home")
    refused(answer, 3, "COVEY_HOME")


MISBEHAVIOUR = {
    "hangs for ever": "while True: pass",
    "forks a daemon": "if os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n    os._exit(0)",
    "prints without end": "for _ in range(40000): print('x' * 10000)",
    "crashes the interpreter": "import ctypes; ctypes.string_at(0)",
    "leaves at once": "os._exit(0)",
    "exhausts the memory": "x = [bytearray(1 << 20) for _ in range(1 << 20)]",
    "deletes the repository": "shutil.rmtree('.', ignore_errors=True)",
    "edits its own tests": "open('test_calc.py', 'w').write('')",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", MISBEHAVIOUR)
def test_tests_that_misbehave_harm_nothing_and_are_reported(what: str, tmp_path: Path, own_home: Path) -> None:
    body = indent(MISBEHAVIOUR[what] + "\nself.fail('end')", " " * 8)
    bad = f"import os, shutil, time, unittest\n\n\nclass Bad(unittest.TestCase):\n    def test_bad(self):\n{body}\n"
    repo = write_tree(tmp_path / "r", {**GREEN, "test_calc.py": TEST, "test_misbehave.py": bad})
    before = fingerprint(repo)
    answer = covey(
        "run", "--repo", str(repo), "--budget", "20", "--json",
        home=own_home, env={"COVEY_SUITE_TIMEOUT": "4", "COVEY_TEST_TIMEOUT": "2", "COVEY_SANDBOX_MEMORY": "0.25"},
    )  # fmt: skip
    assert answer.code == 1, answer.err
    assert answer.json["status"] in ("no_patch", "partial")
    assert fingerprint(repo) == before


def test_a_syntax_error_in_the_configuration_file(tmp_path: Path, own_home: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("budget: [unclosed")
    refused(covey("config", "show", home=own_home, env={"COVEY_CONFIG": str(config)}), 2, str(config))


def test_an_unknown_flag_is_a_usage_error(own_home: Path) -> None:
    refused(covey("run", "--no-such-flag", home=own_home), 2)


def test_the_module_and_the_command_are_the_same() -> None:
    command = Path(sys.executable).with_name("covey")
    assert subprocess.run([command, "--version"], capture_output=True, check=True).stdout.startswith(b"covey ")
