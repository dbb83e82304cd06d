"""Attacks on what Covey's own process holds: its environment and its open files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from covey.core.protocols import Sandbox
from support_sandbox import (
    BREACH,
    CONTAINING,
    KINDS,
    attack,
    holds,
    make,
    python,
    succeeds_unsandboxed,
    text,
    unsandboxed,
)

pytestmark = pytest.mark.requirement("E12")

_SCAN = """
secret = sys.argv[1].encode()
found = [value for value in os.environ.values() if value.encode() == secret]
for name in os.listdir('/proc'):
    if name.isdigit():
        try:
            found += [1] if secret in open(f'/proc/{name}/environ', 'rb').read() else []
        except OSError:
            pass
assert found, 'nothing found'
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture
def holder() -> subprocess.Popen[bytes]:
    """A process of the same user that holds the secret in its environment."""
    return subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, env={"TOKEN": "open-sesame"})


@pytest.mark.parametrize("kind", CONTAINING)
async def test_secrets_of_the_environment_are_nowhere(
    kind: str, scratch: Path, monkeypatch: pytest.MonkeyPatch, holder: subprocess.Popen[bytes]
) -> None:
    sandbox = await make(kind, scratch)
    monkeypatch.setenv("COVEY_TEST_TOKEN", "open-sesame")
    try:
        script = attack(_SCAN)
        succeeds_unsandboxed(script, "open-" + "sesame")
        await holds(sandbox, python(script, "open-" + "sesame"))
    finally:
        holder.communicate()


async def test_the_sandboxs_own_first_process_has_an_empty_environment(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox: Sandbox = await make("bubblewrap", scratch)
    monkeypatch.setenv("COVEY_TEST_TOKEN", "open-sesame")
    result = await sandbox.exec(python("print(repr(open('/proc/1/environ').read()), end='')"))
    assert text(result) == "''"
    assert "open-sesame" in unsandboxed("import os; print(open(f'/proc/{os.getpid()}/environ').read())")


@pytest.mark.parametrize("kind", KINDS)
async def test_open_files_are_not_inherited(kind: str, scratch: Path, tmp_path: Path) -> None:
    sandbox = await make(kind, scratch)
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    read, appended = os.open(secret, os.O_RDONLY), os.open(secret, os.O_WRONLY | os.O_APPEND)
    script = attack(
        "got = b''\n"
        "for name in os.listdir('/proc/self/fd'):\n"
        "    try:\n"
        "        os.write(int(name), b'forged') if int(name) > 2 and int(name) != 9 else None\n"
        "    except OSError:\n"
        "        pass\n"
        "    try:\n"
        "        got += os.pread(int(name), 100, 0) if int(name) > 2 else b''\n"
        "    except OSError:\n"
        "        pass\n"
        "assert b'secret' in got"
    )
    try:
        for descriptor in (read, appended):
            os.set_inheritable(descriptor, True)
        assert BREACH in unsandboxed(script, pass_fds=(read, appended))
        assert secret.read_text() == "secret\nforged"
        secret.write_text("secret\n")
        await holds(sandbox, python(script))
        assert secret.read_text() == "secret\n"
    finally:
        os.close(read)
        os.close(appended)


@pytest.mark.parametrize("kind", KINDS)
async def test_exactly_the_standard_descriptors_and_the_channel_are_open(kind: str, scratch: Path) -> None:
    sandbox = await make(kind, scratch)
    script = "import os; print([n for n in range(256) if not os.system(f'test -e /proc/{os.getpid()}/fd/{n}')])"
    assert text(await sandbox.exec(python(script.replace("256", "40")))) == "[0, 1, 2, 9]\n"
