"""The test command: the user's own understood, or one found."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.core.errors import ConfigError, UnusableInput
from covey.execution.testcommand import find_test_command, needs_pytest

PY = "/env/bin/python"
CASE = "import unittest\n\n\nclass TestA(unittest.TestCase):\n    def test_a(self):\n        pass\n"
BARE = "def test_a():\n    assert True\n"


def tree(base: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return base


@pytest.mark.parametrize(
    ("given", "argv"),
    [
        ("pytest", ("-m", "pytest")),
        ("py.test -x tests", ("-m", "pytest", "-x", "tests")),
        ("python -m pytest -k 'a and (b or c)'", ("-m", "pytest", "-k", "a and (b or c)")),
        ("python3.9 -W error -B -m pytest", ("-W", "error", "-B", "-m", "pytest")),
        ("uv run pytest -q", ("-m", "pytest", "-q")),
        ("poetry run python -m pytest", ("-m", "pytest")),
        ("coverage run --branch -m pytest tests", ("-m", "pytest", "tests")),
        (".venv/bin/pytest 'tests/test_a.py::test_b[1-2]'", ("-m", "pytest", "tests/test_a.py::test_b[1-2]")),
    ],
)
def test_a_given_pytest_command_runs_with_the_environments_interpreter(
    tmp_path: Path, given: str, argv: tuple[str, ...]
) -> None:
    command = find_test_command(tmp_path, given, PY)
    assert (command.framework, command.argv, command.given) == ("pytest", (PY, *argv), True)
    assert needs_pytest(tmp_path, given)


def test_a_given_unittest_command_is_kept_with_its_options(tmp_path: Path) -> None:
    command = find_test_command(tmp_path, "python -m unittest discover -s t -p '*_test.py'", PY)
    assert command.framework == "unittest"
    assert command.argv == (PY, "-m", "unittest", "discover", "-s", "t", "-p", "*_test.py")
    assert not needs_pytest(tmp_path, "python -m unittest")


@pytest.mark.parametrize(
    ("given", "argv"),
    [
        ("python manage.py test app", ("manage.py", "test", "app")),
        ("./manage.py test", ("manage.py", "test")),
        ("django-admin test --settings s", ("-m", "django", "test", "--settings", "s")),
    ],
)
def test_a_given_django_command_is_understood(tmp_path: Path, given: str, argv: tuple[str, ...]) -> None:
    command = find_test_command(tmp_path, given, PY)
    assert (command.framework, command.argv) == ("django", (PY, *argv))


@pytest.mark.parametrize(
    "given",
    ["cd sub && pytest", "A=1 pytest", "pytest | tee log", "pytest > log", "pytest $ARGS", "pytest `x`", "(pytest)"],
)
def test_shell_syntax_is_left_to_a_shell(tmp_path: Path, given: str) -> None:
    command = find_test_command(tmp_path, given, PY)
    assert command.framework == "command"
    assert command.shell == given
    assert command.argv == ("sh", "-c", given)
    assert command.notes
    assert needs_pytest(tmp_path, given)


@pytest.mark.parametrize("given", ["make test", "tox -e py311", "python -c 'print(1)'", "python run_tests.py", "nose2"])
def test_any_other_program_is_an_opaque_command(tmp_path: Path, given: str) -> None:
    command = find_test_command(tmp_path, given, PY)
    assert command.framework == "command"
    assert command.shell is None
    assert not needs_pytest(tmp_path, given)


def test_a_star_in_a_path_is_expanded_in_the_tree(tmp_path: Path) -> None:
    tree(tmp_path, {"t/test_b.py": BARE, "t/test_a.py": BARE})
    assert find_test_command(tmp_path, "pytest t/*.py none/*.py", PY).argv == (
        PY, "-m", "pytest", "t/test_a.py", "t/test_b.py", "none/*.py",
    )  # fmt: skip


@pytest.mark.parametrize("given", ["pytest 'open", "", "   "])
def test_an_unparsable_command_is_the_users_to_mend(tmp_path: Path, given: str) -> None:
    with pytest.raises(ConfigError):
        find_test_command(tmp_path, given, PY)


@pytest.mark.parametrize(
    "files",
    [
        {"test_a.py": BARE},
        {"tests/a_test.py": "async def test_a():\n    pass\n"},
        {"tests/test_a.py": "import pytest\n" + CASE},
        {"test_a.py": "class TestA:\n    def test_b(self):\n        assert 1\n"},
        {"tests/test_a.py": CASE, "conftest.py": ""},
        {"tests/test_a.py": CASE, "pytest.ini": ""},
        {"tests/test_a.py": CASE, "pyproject.toml": "[tool.pytest.ini_options]\n"},
        {"tests/test_a.py": CASE, "setup.cfg": "[tool:pytest]\n"},
        {"tests/test_a.py": CASE, "tox.ini": "[pytest]\n"},
        {"manage.py": "import django\n", "app/tests.py": BARE},
    ],
)
def test_pytest_is_found_by_configuration_or_style(tmp_path: Path, files: dict[str, str]) -> None:
    base = tree(tmp_path, files)
    assert find_test_command(base, None, PY).argv == (PY, "-m", "pytest")
    assert needs_pytest(base, None)


def test_django_is_found_by_its_manage_py(tmp_path: Path) -> None:
    base = tree(tmp_path, {"manage.py": "from django.core import management\n", "app/tests.py": CASE})
    assert find_test_command(base, None, PY).argv == (PY, "manage.py", "test")


def test_the_problem_decides_between_styles_that_are_both_there(tmp_path: Path) -> None:
    base = tree(tmp_path, {"tests/test_a.py": CASE, "conftest.py": ""})
    assert find_test_command(base, None, PY, problem_hint="run `python -m unittest`").framework == "unittest"
    assert find_test_command(base, None, PY, problem_hint="it fails").framework == "pytest"


@pytest.mark.parametrize(
    ("files", "options"),
    [
        (["test_a.py"], ("-s", ".")),
        (["tests/__init__.py", "tests/test_a.py"], ("-s", "tests", "-t", ".")),
        (["tests/__init__.py", "tests/unit/__init__.py", "tests/unit/test_a.py"], ("-s", "tests", "-t", ".")),
        (["tests/test_a.py"], ("-s", "tests")),
        (["a/__init__.py", "a/tests.py", "b/__init__.py", "b/test_b.py"], ("-s", ".")),
        (["tests/a_test.py", "tests/b_test.py"], ("-s", "tests", "-p", "*_test.py")),
        (["src/p/__init__.py", "src/p/tests/__init__.py", "src/p/tests/test_a.py"], ("-s", "src")),
    ],
)
def test_unittest_discovery_starts_where_it_finds_the_tests(
    tmp_path: Path, files: list[str], options: tuple[str, ...]
) -> None:
    base = tree(tmp_path, {name: "" if name.endswith("__init__.py") else CASE for name in files})
    command = find_test_command(base, None, PY)
    assert (command.framework, command.argv, command.notes) == (
        "unittest", (PY, "-m", "unittest", "discover", *options), (),
    )  # fmt: skip


def test_tests_that_one_discovery_cannot_reach_are_named(tmp_path: Path) -> None:
    base = tree(tmp_path, {"t1/test_a.py": CASE, "t1/test_b.py": CASE, "t2/test_c.py": CASE})
    command = find_test_command(base, None, PY)
    assert command.argv[-2:] == ("-s", "t1")
    assert "1 test files" in command.notes[0]


def test_a_folder_without_python_is_not_a_python_project(tmp_path: Path) -> None:
    tree(tmp_path, {"README.md": "", "node_modules/x/test_a.py": BARE, "v/pyvenv.cfg": "", "v/lib/test_a.py": BARE})
    with pytest.raises(UnusableInput, match="not a Python project"):
        find_test_command(tmp_path, None, PY)


def test_a_project_without_tests_is_told_so(tmp_path: Path) -> None:
    tree(tmp_path, {"app.py": "def test_a(): ...\n"})
    with pytest.raises(UnusableInput, match="No tests were found"):
        needs_pytest(tmp_path, None)


def test_odd_test_files_are_read_without_harm(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_bytes(b"\xff\xfe# not utf-8\ndef test_a():\n    pass\n")
    (tmp_path / "test_b.py").symlink_to("/etc/passwd")
    (tmp_path / "test_c.py").symlink_to("test_c.py")
    assert find_test_command(tmp_path, None, PY).framework == "pytest"
