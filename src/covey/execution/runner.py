"""Runs a repository's tests in a fresh sandboxed process and says how each of them ended."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from covey.core.errors import UnusableInput
from covey.core.execution import (
    TREE_ENV,
    TREE_TOKEN,
    Environment,
    ExecResult,
    ExecSpec,
    Limits,
    Mount,
    TestCommand,
    Tree,
)
from covey.core.protocols import Sandbox
from covey.core.testing import TestReport
from covey.execution.reports import Session, clean, opaque_report, output_of, report_from

PAYLOAD = "/covey/payload"
"""Where the payload is presented inside."""

_CANNOT_EXECUTE = (126, 127)
_USAGE_ERROR = 4
_NO_TESTS = 5
_LAST_LINES = 20


def payload_mount() -> Mount:
    """The payload's folder, read-only."""
    return Mount(source=str(Path(__file__).resolve().parent / "payload"), target=PAYLOAD)


def test_environment(environment: Environment, command: TestCommand, seed: int, plugin: str) -> dict[str, str]:
    """Environment variables of a test process: nothing of the user's, everything that makes runs differ fixed.

    ``plugin`` is the payload's pytest plugin. It travels by ``PYTEST_ADDOPTS``, so that a command that only ends in
    pytest (``make test``, a script) reports as well; the plugin puts the user's own value back.
    """
    given = dict(environment.env)
    search = [PAYLOAD, *filter(None, [given.pop("PYTHONPATH", "")])]
    own = given.get("PYTEST_ADDOPTS", "")
    known = {
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        TREE_ENV: TREE_TOKEN,
        **given,
        "PYTHONHASHSEED": str(seed % 2**32),
        "PYTHONPATH": ":".join(search),
        "COVEY_USER_ADDOPTS": own,
    }
    if command.framework in ("pytest", "command"):
        addopts = f"-p {plugin} -o cache_dir=$TMPDIR/covey-pytest-cache"
        known["PYTEST_ADDOPTS"] = f"{own} {addopts}".strip()
    return known


def payload_argv(command: TestCommand, *, fork: bool = False) -> tuple[str, ...]:
    """Return the command with Covey's adapter in place of a framework that knows no plugins."""
    argv = command.argv
    if command.framework == "unittest" and "unittest" in argv:
        at = argv.index("unittest")
        return (*argv[:at], "covey_unittest", *argv[at + 1 :])
    if command.framework == "django" and "test" in argv:
        at = argv.index("test") + 1
        argv = (*argv[:at], "--testrunner=covey_django.Runner", *argv[at:])
        program = next((number for number, word in enumerate(argv) if word.endswith(".py")), None)
        if fork and program is not None:
            argv = (*argv[:program], "-m", "covey_forkdjango", *argv[program:])
        return argv
    return argv


def cannot_start(command: TestCommand, output: str) -> UnusableInput:
    """Return the error for a test command that does not get as far as running tests."""
    shown = command.shell or shlex.join(command.argv)
    tail = "\n".join(clean(output, 8_000).strip().splitlines()[-_LAST_LINES:])
    said = f" It said:\n{tail}" if tail else ""
    return UnusableInput(
        f"The test command cannot start: {shown}.{said}\n"
        "Give a command that works in this environment with --test, or an interpreter that has what it needs.",
        detail=output,
    )


class TestRunner:
    """Runs tests, each time in a fresh process. What its reports are worth is said in :mod:`.reports`."""

    __test__ = False

    def __init__(
        self, sandbox: Sandbox, environment: Environment, command: TestCommand, *, limits: Limits, seed: int
    ) -> None:
        self._sandbox = sandbox
        self._environment = environment
        self._command = command
        self._limits = limits
        self._seed = seed

    @property
    def command(self) -> TestCommand:
        """The test command."""
        return self._command

    async def run(
        self, tree: Tree, *, tests: Sequence[str] = (), deselect: Sequence[str] = (), timeout_s: float
    ) -> TestReport:
        """Run the suite, or only ``tests``, without ``deselect``, for at most ``timeout_s`` seconds of wall time.

        An id may name a test or what holds it (class, file, folder). With an opaque command the whole command runs.
        Ids that do not exist are missing from the report; a suite without tests gives an empty one.

        Raises UnusableInput when the command cannot start, SandboxError when the sandbox fails.
        """
        spec = self._spec(tree, tests, deselect, timeout_s)
        result = await self._sandbox.exec(spec)
        session = Session()
        session.feed(result.channel)
        if session.hello:
            if result.exit_code == _USAGE_ERROR and not session.results and not (tests or session.collected):
                raise cannot_start(self._command, output_of(result))
            return report_from(session, result, spec.argv)
        return self._silent(result, spec)

    def _silent(self, result: ExecResult, spec: ExecSpec) -> TestReport:
        """Judge a run of which the payload said nothing."""
        opaque = self._command.framework == "command"
        stopped = result.timed_out or result.out_of_memory
        if result.exit_code in _CANNOT_EXECUTE or not (opaque or stopped):
            raise cannot_start(self._command, output_of(result))
        return opaque_report(result, spec.argv)

    def _spec(self, tree: Tree, tests: Sequence[str], deselect: Sequence[str], timeout_s: float) -> ExecSpec:
        known = test_environment(self._environment, self._command, self._seed, "covey_pytest")
        stdin = b""
        if (tests or deselect) and self._command.framework != "command":
            known["COVEY_REQUEST"] = "stdin"
            stdin = json.dumps({"tests": list(tests) or None, "deselect": list(deselect)}).encode()
        return ExecSpec(
            argv=payload_argv(self._command),
            tree=tree,
            env=known,
            mounts=(*self._environment.mounts, payload_mount()),
            limits=self._limits.model_copy(update={"wall_s": timeout_s}),
            stdin=stdin,
        )
