"""How the tests of a repository are run: the user's own command understood, or a command found."""

from __future__ import annotations

import glob
import posixpath
import re
import shlex
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from covey.core.errors import ConfigError, UnusableInput
from covey.core.execution import TestCommand
from covey.execution.testfiles import TestFiles, find_test_files

_PYTHON = re.compile(r"python(\d(\.\d+)?)?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_WRAPPERS = frozenset({"uv", "poetry", "pipenv", "hatch", "pdm", "rye"})
_WITH_VALUE = frozenset({"-W", "-X"})
_PATTERNS = ("test*.py", "*_test.py", "*_tests.py", "*test*.py", "*.py")
_OPAQUE = "Unless the command runs pytest, it is judged by its exit code alone, without results of single tests."


def find_test_command(base: Path, given: str | None, environment_python: str, *, problem_hint: str = "") -> TestCommand:
    """Return how to run the tests of the tree in ``base`` with ``environment_python``.

    ``given`` is the user's own command; without one, the style of the tests decides, and ``problem_hint`` (the
    problem's text) between styles that are both there. Raises ConfigError when ``given`` cannot be parsed,
    UnusableInput when there is no Python or no test.
    """
    if given is not None:
        return _understood(base, given, environment_python)
    files = find_test_files(base)
    framework = _framework(files, problem_hint)
    if framework == "pytest":
        return TestCommand(framework="pytest", argv=(environment_python, "-m", "pytest"))
    if framework == "django":
        return TestCommand(framework="django", argv=(environment_python, "manage.py", "test"))
    options, notes = _discovery(base, files.cases)
    argv = (environment_python, "-m", "unittest", "discover", *options)
    return TestCommand(framework="unittest", argv=argv, notes=notes)


def needs_pytest(base: Path, given: str | None, *, problem_hint: str = "") -> bool:
    """True when the tests will be run by pytest. Raises like :func:`find_test_command`."""
    if given is not None:
        command = _understood(base, given, "python")
        return command.framework == "pytest" or "pytest" in given
    return _framework(find_test_files(base), problem_hint) == "pytest"


def _framework(files: TestFiles, hint: str) -> str:
    if not files.any_python:
        raise UnusableInput(
            "This is not a Python project: there is no .py file in it. Give the folder of one by --repo."
        )
    if files.django and re.search(r"manage\.py test\b", hint):
        return "django"
    if files.cases and not files.bare and re.search(r"-m unittest\b", hint):
        return "unittest"
    if files.configured or files.bare:
        return "pytest"
    if files.django:
        return "django"
    if files.cases:
        return "unittest"
    raise UnusableInput(
        "No tests were found: no test_*.py or *_test.py with test functions or unittest classes. "
        "Name the command that runs them with --test."
    )


def _discovery(base: Path, cases: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Options of ``unittest discover`` that find the most of ``cases``, and a note for what they leave out.

    Discovery walks down packages only, so each file can be found from one folder: the first one above it that is not
    a package.
    """
    by_start: dict[str, list[str]] = {}
    for path in cases:
        by_start.setdefault(_start_of(base, path), []).append(path)
    start = max(by_start, key=lambda folder: (len(by_start[folder]), -folder.count("/"), folder == "."))
    found = by_start[start]
    tops = {path.split("/")[0] for path in found}
    if start != ".":
        options: tuple[str, ...] = ("-s", start)
    elif len(tops) == 1 and all("/" in path for path in found):
        options = ("-s", min(tops), "-t", ".")
    else:
        options = ("-s", ".")
    fitting = (one for one in _PATTERNS if all(fnmatch(posixpath.basename(path), one) for path in found))
    pattern = next(fitting)
    if pattern != _PATTERNS[0]:
        options = (*options, "-p", pattern)
    left = len(cases) - len(found)
    note = f"unittest discovery starts in {start}; {left} test files elsewhere are left out: name them with --test."
    return options, ((note,) if left else ())


def _start_of(base: Path, path: str) -> str:
    folder = posixpath.dirname(path)
    while folder and (base / folder / "__init__.py").is_file():
        folder = posixpath.dirname(folder)
    return folder or "."


def _understood(base: Path, given: str, python: str) -> TestCommand:
    """Parse the user's command."""
    try:
        words = shlex.split(given)
        shell = _needs_shell(given, words)
    except ValueError as error:
        raise ConfigError(f"The test command {given!r} cannot be parsed ({error}). Check its quotes.") from None
    if not words:
        raise ConfigError("The test command is empty. Give one, or leave --test out to have it found.")
    if shell:
        return TestCommand(framework="command", argv=("sh", "-c", given), given=True, shell=given, notes=(_OPAQUE,))
    found = _known(_expanded(base, _unwrapped(words)), python)
    if found is not None:
        return found
    return TestCommand(framework="command", argv=tuple(words), given=True, notes=(_OPAQUE,))


def _needs_shell(given: str, words: Sequence[str]) -> bool:
    """True for pipes, lists, redirections, substitutions, variables and assignments outside quotes."""
    lexer = shlex.shlex(given, posix=False, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    tokens = list(lexer)
    operators = any(token and set(token) <= set("();<>|&") for token in tokens)
    bare = re.sub(r"'[^']*'", "", given)
    first = bool(words) and bool(_ASSIGNMENT.fullmatch(words[0]))
    return operators or first or "\n" in given.strip() or bool(re.search(r"(?<!\\)[$`]", bare))


def _unwrapped(words: Sequence[str]) -> list[str]:
    """Drop ``uv run`` and its like: the environment is prepared already. ``coverage run`` only measures."""
    rest = list(words)
    if len(rest) > 2 and rest[0] in _WRAPPERS and rest[1] == "run" and not rest[2].startswith("-"):
        rest = rest[2:]
    if len(rest) > 2 and rest[:2] == ["coverage", "run"]:
        at = next((index for index, word in enumerate(rest) if word == "-m" or not word.startswith("-")), 0)
        at = rest.index("-m") if "-m" in rest else at
        rest = ["python", *rest[at if at > 1 else 2 :]]
    return rest


def _expanded(base: Path, words: Sequence[str]) -> list[str]:
    """Expand ``*`` in paths as a shell would; a word that matches nothing stays."""
    out: list[str] = []
    for word in words:
        pattern = "*" in word and not word.startswith("-")
        matches = glob.glob(word, root_dir=base) if pattern else []  # noqa: PTH207 - Path.glob refuses absolute ones
        out += sorted(matches) or [word]
    return out


def _known(words: Sequence[str], python: str) -> TestCommand | None:
    """The command of a framework that gives results test by test; None for any other."""
    program, rest = posixpath.basename(words[0]), list(words[1:])
    flags: list[str] = []
    if program in ("pytest", "py.test"):
        rest = ["-m", "pytest", *rest]
    elif program == "django-admin":
        rest = ["-m", "django", *rest]
    elif program == "manage.py":
        rest = [words[0].removeprefix("./"), *rest]
    elif _PYTHON.fullmatch(program):
        while rest and rest[0].startswith("-") and rest[0] != "-m" and len(rest[0]) > 1:
            if rest[0].startswith("-c"):
                return None
            taken = 2 if rest[0] in _WITH_VALUE else 1
            flags += rest[:taken]
            rest = rest[taken:]
    else:
        return None
    argv = (python, *flags, *rest)
    module = rest[1] if len(rest) > 1 and rest[0] == "-m" else ""
    if module in ("pytest", "py.test"):
        return TestCommand(framework="pytest", argv=(python, *flags, "-m", "pytest", *rest[2:]), given=True)
    if module == "unittest":
        return TestCommand(framework="unittest", argv=argv, given=True)
    script = posixpath.basename(rest[0]) if rest else ""
    if (script == "manage.py" or module == "django") and "test" in rest:
        return TestCommand(framework="django", argv=argv, given=True)
    return None
