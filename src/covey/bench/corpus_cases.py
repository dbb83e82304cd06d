"""The bugs of the project's own corpus: read them, run their tests, check that each is what it claims to be.

A bug is a folder below ``tests/corpus/<set>/``::

    bug.toml   title, kind, issue, files (that the reference fix touches), runner, tests (folder), hard
    project/   the buggy project with the tests that a search may see
    hidden/    more tests, copied over the project's test folder for grading
    fixed/     the touched files as the reference fix leaves them

The code in these folders is the project's own, so it runs in a plain subprocess.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

from pydantic import Field, ValidationError

from covey.core.canonical import Frozen
from covey.core.errors import UnusableInput
from covey.settings import search_path

KINDS: frozenset[str] = frozenset(
    {
        "operators",
        "boundaries",
        "wrong name",
        "wrong attribute",
        "wrong argument",
        "missing argument",
        "missing guard",
        "missing call",
        "missing return",
        "missing element",
        "wrong constant",
        "wrong default",
        "shared state",
        "exception type",
        "string formatting",
        "class level",
        "generator",
        "async",
        "comprehension",
        "slices and loops",
        "wrong place",
        "multi-module",
        "two places",
    }
)
"""The kinds of mistakes; every bug has one."""

SUITE_TIMEOUT_S = 60.0
"""Wall seconds for one run of one bug's tests."""


class Bug(Frozen):
    """One bug of the corpus. ``tests`` is the test folder relative to the project, ``files`` what the fix touches."""

    name: str
    set: str
    folder: Path
    title: str
    kind: str
    issue: str
    files: tuple[str, ...] = Field(min_length=1)
    runner: Literal["pytest", "unittest"] = "pytest"
    tests: str = "tests"
    hard: bool = False

    @property
    def project(self) -> Path:
        """The buggy project."""
        return self.folder / "project"

    def hidden_tests(self) -> tuple[str, ...]:
        """Paths of the hidden test files, as they will lie in the project."""
        found = sorted((self.folder / "hidden").rglob("test*.py"))
        return tuple(str(Path(self.tests) / path.relative_to(self.folder / "hidden")) for path in found)


class SuiteRun(Frozen):
    """How many tests passed and failed; ``ended`` is False when the session hung, crashed or could not start."""

    passed: int = 0
    failed: int = 0
    ended: bool = True
    output: str = ""

    @property
    def green(self) -> bool:
        """True when at least one test passed and none failed."""
        return self.ended and self.passed > 0 and self.failed == 0


def default_root() -> Path:
    """The corpus of this source checkout."""
    return Path(__file__).resolve().parents[3] / "tests" / "corpus"


def load_bugs(root: Path, *, sets: Iterable[str] = (), only: Iterable[str] = (), kind: str | None = None) -> list[Bug]:
    """Read the bugs below ``root`` in order of set and name, narrowed to ``sets``, names in ``only`` and one ``kind``.

    Raises UnusableInput when there is none, a name is unknown or a description is not valid.
    """
    wanted_sets, names = frozenset(sets), frozenset(only)
    bugs = [read_bug(path.parent) for path in sorted(root.glob("*/*/bug.toml"))]
    unknown = names - {bug.name for bug in bugs}
    if unknown:
        raise UnusableInput(f"No such bug in {root}: {', '.join(sorted(unknown))}.")
    chosen = [
        bug
        for bug in bugs
        if (not wanted_sets or bug.set in wanted_sets)
        and (not names or bug.name in names)
        and (kind is None or bug.kind == kind)
    ]
    if not chosen:
        raise UnusableInput(f"No bug to work on below {root}: check the folder and the filters.")
    return chosen


def read_bug(folder: Path) -> Bug:
    """Read one bug. Raises UnusableInput when its ``bug.toml`` is not valid."""
    try:
        data = tomllib.loads((folder / "bug.toml").read_text(encoding="utf-8"))
        return Bug(name=folder.name, set=folder.parent.name, folder=folder, **data)
    except (OSError, tomllib.TOMLDecodeError, ValidationError, TypeError) as error:
        raise UnusableInput(f"{folder / 'bug.toml'} is not a valid description of a bug: {error}") from None


def structural_faults(bug: Bug) -> list[str]:
    """Say what is wrong with the files of a bug, without running anything."""
    faults = []
    if bug.kind not in KINDS:
        faults.append(f"unknown kind {bug.kind!r}")
    if len(bug.issue) < 80:
        faults.append("the issue text is too short to be one")
    fixed_root = bug.folder / "fixed"
    fixed = sorted(str(path.relative_to(fixed_root)) for path in fixed_root.rglob("*") if path.is_file())
    if fixed != sorted(bug.files):
        faults.append(f"files of the fix are {fixed}, bug.toml says {sorted(bug.files)}")
    for name in fixed:
        before = bug.project / name
        if before.is_file() and before.read_bytes() == (fixed_root / name).read_bytes():
            faults.append(f"{name} does not differ from its fixed version")
    if not bug.hidden_tests():
        faults.append("no hidden test file")
    faults.extend(
        f"hidden test {name} hides a visible one" for name in bug.hidden_tests() if (bug.project / name).exists()
    )
    return faults


async def real_faults(bug: Bug) -> list[str]:
    """Run visible and hidden tests on the buggy and on the fixed project, and say what is not as it must be."""
    faults = []
    with tempfile.TemporaryDirectory(prefix="covey-corpus-") as temporary:
        buggy, fixed = Path(temporary, "buggy"), Path(temporary, "fixed")
        await asyncio.to_thread(_lay_out, bug, buggy, fixed)
        visible = await run_suite(bug, buggy)
        if not visible.ended or visible.failed == 0 or visible.passed == 0:
            faults.append(f"buggy: visible tests need both red and green ones: {_tell(visible)}")
        if not (run := await run_suite(bug, fixed)).green:
            faults.append(f"fixed: visible tests are not green: {_tell(run)}")
        await asyncio.to_thread(add_hidden, bug, buggy)
        await asyncio.to_thread(add_hidden, bug, fixed)
        if not (run := await run_suite(bug, buggy, bug.hidden_tests())).failed:
            faults.append(f"buggy: no hidden test is red: {_tell(run)}")
        if not (run := await run_suite(bug, fixed, bug.hidden_tests())).green:
            faults.append(f"fixed: hidden tests are not green: {_tell(run)}")
    return faults


def add_hidden(bug: Bug, project: Path) -> None:
    """Copy the hidden tests over the test folder of ``project``."""
    shutil.copytree(bug.folder / "hidden", project / bug.tests, dirs_exist_ok=True)


async def run_suite(bug: Bug, project: Path, files: Sequence[str] = ()) -> SuiteRun:
    """Run all tests of ``project``, or only those in ``files``, in a fresh process with a clean environment."""
    if bug.runner == "unittest":
        modules = [name.removesuffix(".py").replace("/", ".") for name in files]
        status, output = await run_program([sys.executable, "-m", "unittest", *modules], project)
        return _read_unittest(status, output)
    with tempfile.TemporaryDirectory(prefix="covey-corpus-") as temporary:
        report = Path(temporary, "report.xml")
        options = ["-q", "-p", "no:cacheprovider", "--rootdir=.", f"--junitxml={report}"]
        status, output = await run_program([sys.executable, "-m", "pytest", *options, *files], project)
        return _read_junit(report, status, output)


async def run_program(argv: Sequence[str], folder: Path, *, stdin: bytes = b"") -> tuple[int | None, str]:
    """Run ``argv`` in ``folder``; return its exit status (None when it hung and was ended) and its output."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        env={
            "PATH": search_path(),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "GIT_CEILING_DIRECTORIES": str(folder.parent),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        },
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(stdin), SUITE_TIMEOUT_S)
        return process.returncode, output.decode("utf-8", "replace")
    except TimeoutError:
        return None, f"did not end within {SUITE_TIMEOUT_S:.0f} s"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _lay_out(bug: Bug, buggy: Path, fixed: Path) -> None:
    shutil.copytree(bug.project, buggy)
    shutil.copytree(bug.project, fixed)
    shutil.copytree(bug.folder / "fixed", fixed, dirs_exist_ok=True)


def _read_junit(report: Path, status: int | None, output: str) -> SuiteRun:
    if status not in (0, 1, 2) or not report.exists():
        return SuiteRun(ended=False, output=output)
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - written by our own pytest
    if suite is None:
        return SuiteRun(ended=False, output=output)
    total, skipped = int(suite.get("tests", "0")), int(suite.get("skipped", "0"))
    failed = int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
    return SuiteRun(passed=total - failed - skipped, failed=failed, output=output)


def _read_unittest(status: int | None, output: str) -> SuiteRun:
    ran = re.search(r"^Ran (\d+) tests? in", output, re.MULTILINE)
    if status is None or ran is None:
        return SuiteRun(ended=False, output=output)
    counts = {name: int(number) for name, number in re.findall(r"(failures|errors|skipped)=(\d+)", output[ran.end() :])}
    failed = counts.get("failures", 0) + counts.get("errors", 0)
    return SuiteRun(passed=int(ran[1]) - failed - counts.get("skipped", 0), failed=failed, output=output)


def _tell(run: SuiteRun) -> str:
    state = "" if run.ended else "session did not end well, "
    return f"{state}{run.passed} passed, {run.failed} failed\n{run.output[-1500:]}"
