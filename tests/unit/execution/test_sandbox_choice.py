from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from covey.core.errors import NoSandbox, SandboxError, UnusableInput
from covey.core.execution import TREE_TOKEN, Applied, ExecResult, Mount
from covey.execution import cgroups
from covey.execution.launcher import landlock
from covey.execution.process import BOOT, PACKAGE
from covey.execution.sandboxes import probing, request
from covey.execution.sandboxes.bubblewrap import BubblewrapSandbox, check_root
from covey.execution.sandboxes.select import choose, survey
from support_sandbox import make, python, shell, text


def _nowhere(program: str, path: str | None = None) -> None:
    return None


async def test_a_missing_program_is_said_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", _nowhere)
    with pytest.raises(NoSandbox, match="apt-get install bubblewrap"):
        await choose("bubblewrap", tmp_path)


async def test_nothing_is_ever_run_bare_when_no_sandbox_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", _nowhere)
    monkeypatch.setattr(landlock, "abi", lambda: 4)
    with pytest.raises(NoSandbox, match=r"(?s)nothing is run.*bubblewrap: .*landlock: .*version 4") as caught:
        await choose("auto", tmp_path)
    assert "install" in str(caught.value)
    found = dict(await survey(tmp_path))
    assert all(isinstance(reason, str) for reason in found.values())


async def test_auto_falls_back_to_landlock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await make("landlock", tmp_path)
    monkeypatch.setattr(shutil, "which", _nowhere)
    assert (await choose("auto", tmp_path)).name == "landlock"


async def test_none_is_chosen_by_name_only_and_says_that_it_contains_nothing(tmp_path: Path) -> None:
    sandbox = await choose("none", tmp_path)
    assert {"filesystem", "network", "uid", "seccomp", "signals"} <= set((await sandbox.probe()).missing)


async def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoSandbox, match="no sandbox called 'docker'"):
        await choose("docker", tmp_path)


async def test_a_bubblewrap_that_does_not_work_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(broken))
    with pytest.raises(NoSandbox, match="bubblewrap does not work here"):
        await choose("bubblewrap", tmp_path / "scratch")


async def test_a_bubblewrap_that_contains_nothing_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "bwrap"
    script.write_text(
        '#!/bin/sh\nwhile [ $# -gt 0 ] && [ "$1" != -- ]; do [ "$1" = --json-status-fd ] && fd=$2; shift; done\n'
        'shift; cd /tmp/tree || exit 1; "$@"; code=$?\n'
        'eval "echo \'{\\"exit-code\\": 0}\' > /proc/self/fd/$fd"\nexit $code\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(script))
    with pytest.raises(NoSandbox, match="bubblewrap does not work here"):
        await choose("bubblewrap", tmp_path / "scratch")


def _probed(stdout: str, exit_code: int = 0) -> ExecResult:
    mechanisms = {"seccomp": "seccomp"}
    return ExecResult(exit_code=exit_code, stdout=stdout.encode(), applied=Applied(sandbox="x", mechanisms=mechanisms))


_GOOD = "CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nDONE\n"


@pytest.mark.parametrize(
    ("stdout", "why"),
    [
        (_GOOD.replace("DONE\n", ""), "did not run"),
        ("OPEN\n" + _GOOD, "could be reached"),
        (_GOOD.replace("CapEff:\t0", "CapEff:\t1"), "privileges"),
        (_GOOD.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0"), "privileges"),
        (_GOOD.replace("Seccomp:\t2", "Seccomp:\t0"), "not in force"),
        ("DONE\n", "privileges|not in force"),
    ],
)
def test_a_probe_that_shows_a_hole_refuses_the_sandbox(tmp_path: Path, stdout: str, why: str) -> None:
    probing.tree_spec(tmp_path, None)
    probing.check(_probed(_GOOD), tmp_path)
    with pytest.raises(NoSandbox, match=why):
        probing.check(_probed(stdout), tmp_path)


def test_a_probe_that_changed_the_host_refuses_the_sandbox(tmp_path: Path) -> None:
    probing.tree_spec(tmp_path, None)
    (tmp_path / "base" / "a").write_text("changed")
    with pytest.raises(NoSandbox, match="base could be changed"):
        probing.check(_probed(_GOOD), tmp_path)


async def test_without_control_groups_the_limits_still_hold_and_say_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make("bubblewrap", tmp_path / "first")
    monkeypatch.setattr(cgroups, "prepare", lambda: None)
    sandbox = BubblewrapSandbox(tmp_path / "scratch")
    applied = await sandbox.probe()
    assert applied.mechanisms["memory"] == "watchdog"
    assert applied.mechanisms["processes"] in ("watchdog", "rlimit")
    limits = probing.tree_spec(tmp_path / "x", None).limits.model_copy(update={"memory_bytes": 100_000_000})
    result = await sandbox.exec(python("x = []\nwhile True: x.append(b'x' * 1_000_000)", limits=limits))
    assert result.out_of_memory
    result = await sandbox.exec(python("import os\nos.memfd_create('x')", limits=limits))
    assert b"Operation not permitted" in result.stderr
    limits = limits.model_copy(update={"processes": 20})
    forks = "import os, time\nfor _ in range(60):\n    if not os.fork(): time.sleep(9)\ntime.sleep(9); print('all')"
    result = await sandbox.exec(python(forks, limits=limits))
    assert b"all" not in result.stdout
    assert not result.timed_out


async def test_a_copy_stands_in_where_no_overlay_can_be_mounted(tmp_path: Path) -> None:
    sandbox = await make("bubblewrap", tmp_path / "first")
    assert isinstance(sandbox, BubblewrapSandbox)
    sandbox._overlay = False
    probe = probing.tree_spec(tmp_path / "probe", sandbox.owner)
    result = await sandbox.exec(probe)
    probing.check(result, tmp_path / "probe")
    assert result.applied.mechanisms["tree"] == "copy"


async def test_a_folder_to_start_in_that_is_not_there_is_an_error_of_the_sandbox(tmp_path: Path) -> None:
    for kind in ("bubblewrap", "landlock", "none"):
        sandbox = await make(kind, tmp_path)
        with pytest.raises(SandboxError, match="/no/such"):
            await sandbox.exec(shell("true").model_copy(update={"cwd": "/no/such"}))


def test_the_supervisor_starts_with_next_to_no_imports() -> None:
    heavy = {"typing", "re", "json", "pathlib", "enum", "pydantic", "subprocess", "signal"}
    code = f"{BOOT}print(*{heavy} & set(sys.modules))"
    command = [sys.executable, "-I", "-S", "-c", code, PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_places_replace_the_tree_and_moved_targets_but_not_words_that_only_begin_so() -> None:
    places = request.Places("/run/tree", {"/opt/env": "/real/env", "/opt": "/real/opt"})
    assert places(f"{TREE_TOKEN}/a:{TREE_TOKEN}") == "/run/tree/a:/run/tree"
    assert places("/opt/env/bin/python") == "/real/env/bin/python"
    assert (
        places("/opt/env:/opt/x /optional /opt/environment") == "/real/env:/real/opt/x /optional /real/opt/environment"
    )
    with pytest.raises(UnusableInput, match="no tree is given"):
        request.Places(None)(TREE_TOKEN)


@pytest.mark.parametrize("root", ["/root/project", "/tmp/x", "/home/user", "/root", "/usr/src", "/srv", "/opt/a/../b"])
def test_a_tree_may_be_nearly_anywhere(root: str) -> None:
    assert check_root(root).startswith("/")


def test_a_mount_on_the_tree_itself_is_refused(tmp_path: Path) -> None:
    spec = probing.tree_spec(tmp_path, None)
    assert spec.tree is not None
    spec = spec.model_copy(update={"mounts": (Mount(source=str(tmp_path), target=spec.tree.root),)})
    with pytest.raises(UnusableInput, match="hide the tree"):
        request.tree_plan(spec, overlay=True, links=False)


async def test_commands_and_variables_that_cannot_be_are_refused(tmp_path: Path) -> None:
    sandbox = await choose("none", tmp_path)
    for update in ({"argv": ()}, {"argv": ("a\0b",)}, {"env": {"A=B": "x"}}, {"env": {"": "x"}}):
        with pytest.raises(UnusableInput):
            await sandbox.exec(shell("true").model_copy(update=update))
    assert text(await sandbox.exec(shell("echo $A", env={"A": "b=c"}))) == "b=c\n"
