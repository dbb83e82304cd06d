"""The synchronous edge: every end of a command is an exit code and words, never a traceback for the user's mistake."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine

import pytest

from covey.cli.edge import run_to_exit_code
from covey.core.errors import (
    ConfigError,
    EnvironmentBuildError,
    NoSandbox,
    PatchDoesNotApply,
    SandboxError,
    StoreFull,
    UnusableInput,
)


def work_that(raises: BaseException) -> Callable[[], Coroutine[None, None, int]]:
    async def work() -> int:
        raise raises

    return work


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_exit_code_is_that_of_the_command(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> int:
        return code

    assert run_to_exit_code(work, as_json=True) == code
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("look at budget"), 2),
        (UnusableInput("no such folder"), 2),
        (NoSandbox("install bubblewrap"), 2),
        (SandboxError("it went away"), 3),
        (StoreFull("free some space"), 3),
        (PatchDoesNotApply("not any more"), 3),
    ],
)
def test_an_error_is_its_words_and_the_code_of_its_kind(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_to_exit_code(work_that(error), as_json=False) == code
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"covey: {error}\n")


def test_with_json_an_error_is_exactly_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    error = EnvironmentBuildError("pip failed", detail="line one\nline two")
    assert run_to_exit_code(work_that(error), as_json=True) == 3
    out, err = capsys.readouterr()
    assert json.loads(out) == {"status": "error", "exit_code": 3, "error": "pip failed\nline one\nline two"}
    assert err == "covey: pip failed\nline one\nline two\n"


def test_no_secret_and_no_control_character_leaves_by_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    error = ConfigError("https://u:Zq19xx83aQ@h/ \x1b[31m", detail='password="hunter2x9Qz71aa" \u202e')
    run_to_exit_code(work_that(error), as_json=True)
    said = "".join(capsys.readouterr())
    assert "Zq19xx83aQ" not in said
    assert "hunter2x9Qz71aa" not in said
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_a_fault_of_covey_says_that_it_is_one_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_to_exit_code(work_that(ZeroDivisionError("half")), as_json=True) == 3
    out, err = capsys.readouterr()
    assert "a fault in Covey, not yours: ZeroDivisionError('half')" in err
    assert "Traceback" in err
    assert json.loads(out)["exit_code"] == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_work_which_may_write_its_checkpoint(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[str] = []

    async def work() -> int:
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            written.append("checkpoint")
            raise
        return 0

    assert run_to_exit_code(work, as_json=True) == 130
    out, err = capsys.readouterr()
    assert written == ["checkpoint"]
    assert json.loads(out)["status"] == "interrupted"
    assert "what was done is kept" in err


def test_a_second_signal_ends_at_once() -> None:
    script = (
        "import asyncio, os, signal\n"
        "from covey.cli.edge import run_to_exit_code\n"
        "async def work():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    while True:\n"
        "        try:\n"
        "            await asyncio.Event().wait()\n"
        "        except asyncio.CancelledError:\n"  # a checkpoint that cannot be written
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "run_to_exit_code(work, as_json=False)\n"
        "print('went on')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_fault() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "covey", "config", "show"], stdout=write, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == b""
