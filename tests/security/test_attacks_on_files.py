"""Attacks on the host's files. Every one works outside; none may inside."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from covey.core.execution import Mount, Tree
from covey.core.protocols import Sandbox
from support_sandbox import (
    CONTAINING,
    attack,
    holds,
    make,
    plant,
    python,
    shell,
    succeeds_unsandboxed,
    text,
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(params=CONTAINING)
async def sandbox(request: pytest.FixtureRequest, scratch: Path) -> Sandbox:
    return await make(request.param, scratch)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "home" / ".ssh" / "id_ed25519"
    path.parent.mkdir(parents=True)
    path.write_text("secret\n")
    return path


@pytest.fixture
def tree(tmp_path: Path, sandbox: Sandbox) -> Tree:
    return Tree(base=str(plant(tmp_path / "tree", {"dir/file": "x\n"}, sandbox.owner)), root="/srv/project")


async def test_a_key_below_a_home_cannot_be_read(sandbox: Sandbox, secret: Path) -> None:
    script = attack("assert open(sys.argv[1]).read() == 'secret\\n'")
    succeeds_unsandboxed(script, str(secret))
    await holds(sandbox, python(script, str(secret)))


@pytest.mark.parametrize("path", ["/etc/shadow", "/root", "/var/log", "/sys/kernel", "/run"])
async def test_private_places_of_the_system_show_nothing(sandbox: Sandbox, path: str) -> None:
    script = attack("p = sys.argv[1]\nassert os.listdir(p) if os.path.isdir(p) else open(p).read()")
    succeeds_unsandboxed(script, path)
    await holds(sandbox, python(script, path))


@pytest.mark.parametrize(
    "way",
    [
        "open(target, 'a').write('x')",
        "os.symlink(target, 'way'); open('way', 'a').write('x')",
        "os.link(target, 'way'); open('way', 'a').write('x')",
        "open('../' * 40 + target.lstrip('/'), 'a').write('x')",
        "open('/proc/self/root' + target, 'a').write('x')",
        "os.rename(target, target + '2'); os.rename(target + '2', target)",
        "os.truncate(target, 0)",
        "os.unlink(target); open(target, 'w').write('x')",
    ],
)
async def test_a_file_of_the_host_cannot_be_changed(
    sandbox: Sandbox, secret: Path, tree: Tree, tmp_path: Path, way: str
) -> None:
    script = attack(f"os.chdir(sys.argv[2])\ntarget = sys.argv[1]\n{way}")
    work, sacrifice = tmp_path / "work", tmp_path / "sacrifice"
    work.mkdir()
    sacrifice.write_text("x")
    succeeds_unsandboxed(script, str(sacrifice), str(work))
    secret.chmod(0o666)
    secret.parent.chmod(0o777)
    await holds(sandbox, python(script, str(secret), ".", tree=tree))
    assert secret.read_text() == "secret\n"
    assert list(secret.parent.iterdir()) == [secret]


@pytest.mark.parametrize(
    "way",
    [
        "os.chmod(target, 0o777)",
        "os.utime(target, (1, 1))",
        "os.chown(target, 1, 1)",
        "os.setxattr(target, 'user.x', b'x')",
    ],
)
async def test_attributes_of_a_file_of_the_host_cannot_be_changed(
    sandbox: Sandbox, secret: Path, tmp_path: Path, way: str
) -> None:
    script = attack(f"target = sys.argv[1]\n{way}")
    sacrifice = tmp_path / "sacrifice"
    sacrifice.write_text("x")
    succeeds_unsandboxed(script, str(sacrifice))
    before = secret.stat()
    await sandbox.exec(python(script, str(secret)))
    after = secret.stat()
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (before.st_mode, before.st_uid, before.st_mtime_ns)
    assert os.listxattr(secret) == []


async def test_a_link_in_the_tree_does_not_lead_out(sandbox: Sandbox, secret: Path, tmp_path: Path) -> None:
    base = plant(tmp_path / "tree", {}, sandbox.owner)
    (base / "link").symlink_to(secret)
    script = attack("assert open(sys.argv[1] + '/link').read() == 'secret\\n'")
    succeeds_unsandboxed(script, str(base))
    await holds(sandbox, python(script, ".", tree=Tree(base=str(base), root="/srv/project")))


async def test_swapping_a_folder_for_a_link_wins_no_race(sandbox: Sandbox, tree: Tree, tmp_path: Path) -> None:
    script = """
import os, sys, threading, time
outside = sys.argv[1]
os.makedirs("real", exist_ok=True)
stop = False
def swap():
    while not stop:
        for target in ("real", outside):
            os.symlink(target, "next"); os.replace("next", "way")
thread = threading.Thread(target=swap); thread.start()
sys.setswitchinterval(0.0001)
for _ in range(int(sys.argv[3])):
    try:
        open("way/file", "w").write("x")
    except OSError:
        pass
    if os.path.exists(outside + "/file"):
        break
    time.sleep(0)
stop = True
thread.join()
"""
    outside, control = tmp_path / "outside", tmp_path / "control"
    outside.mkdir(mode=0o777)
    outside.chmod(0o777)
    control.mkdir()
    succeeds_unsandboxed(
        attack(f"os.chdir(sys.argv[2])\nexec({script!r})\nassert os.path.exists(sys.argv[1] + '/file')"),
        str(control),
        str(tmp_path),
        "100000",
    )
    assert (await sandbox.exec(python(script, str(outside), "", "1000", tree=tree))).exit_code == 0
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("entry", ["environ", "root/etc/shadow", "cwd", "fd/1", "mem", "maps"])
async def test_other_processes_give_nothing_away(sandbox: Sandbox, entry: str) -> None:
    script = attack(
        "p = f'/proc/{sys.argv[1]}/{sys.argv[2]}'\n"
        "if os.path.isdir(p): assert os.listdir(p)\n"
        "elif 'fd' in sys.argv[2]: os.close(os.open(p, os.O_RDWR))\n"
        "elif sys.argv[2] == 'mem': os.close(os.open(p, os.O_RDWR))\n"
        "else: assert open(p, 'rb').read()"
    )
    succeeds_unsandboxed(script, str(os.getpid()), entry)
    await holds(sandbox, python(script, str(os.getpid()), entry))


@pytest.mark.parametrize("path", ["/proc/sys/vm/overcommit_ratio", "/proc/sys/kernel/core_pattern"])
async def test_settings_of_the_kernel_cannot_be_written(sandbox: Sandbox, path: str) -> None:
    script = attack("os.close(os.open(sys.argv[1], os.O_WRONLY))")
    succeeds_unsandboxed(script, path)
    await holds(sandbox, python(script, path))


async def test_control_groups_cannot_be_written(sandbox: Sandbox) -> None:
    script = attack(
        "found = [w.split()[1] for w in open('/proc/mounts') if w.split()[2] in ('cgroup', 'cgroup2')]\n"
        "assert found\nname = found[0] + '/covey-test-attack'\nos.mkdir(name)\nos.rmdir(name)"
    )
    succeeds_unsandboxed(script)
    await holds(sandbox, python(script))


@pytest.mark.parametrize("kind", [stat.S_IFBLK, stat.S_IFCHR])
async def test_device_nodes_cannot_be_made(sandbox: Sandbox, tree: Tree, tmp_path: Path, kind: int) -> None:
    script = attack(f"os.chdir(sys.argv[1])\nos.mknod('node', {kind} | 0o600, os.makedev(1, 3))")
    succeeds_unsandboxed(script, str(tmp_path))
    await holds(sandbox, python(script, ".", tree=tree))


@pytest.mark.parametrize(
    "way",
    [
        "open('planted', 'w'); os.chmod('planted', 0o4755)",
        "f = os.open('planted', os.O_CREAT | os.O_WRONLY, 0o755); os.fchmod(f, 0o6755)",
        "os.close(os.open('planted', os.O_CREAT | os.O_WRONLY, 0o4755))",
        "os.mknod('planted', 0o104755)",
    ],
)
async def test_no_file_of_a_set_user_id_can_be_planted(sandbox: Sandbox, tmp_path: Path, way: str) -> None:
    script = attack(f"os.umask(0)\nos.chdir(sys.argv[1])\n{way}\nassert os.stat('planted').st_mode & 0o6000")
    drop, control = plant(tmp_path / "drop", {}, sandbox.owner), plant(tmp_path / "control", {}, None)
    succeeds_unsandboxed(script, str(control))
    await holds(sandbox, python(script, str(drop), mounts=(Mount(source=str(drop), target=str(drop), mode="rw"),)))
    assert [path for path in drop.iterdir() if path.stat().st_mode & 0o6000] == []


async def test_set_user_id_programs_give_nothing(sandbox: Sandbox) -> None:
    result = await sandbox.exec(shell("grep -E 'NoNewPrivs|CapEff|CapPrm' /proc/self/status"))
    assert text(result).split() == ["CapPrm:", "0" * 16, "CapEff:", "0" * 16, "NoNewPrivs:", "1"]


async def test_files_that_share_an_inode_with_a_cache_stay_as_they_are(sandbox: Sandbox, tmp_path: Path) -> None:
    cache = plant(tmp_path / "cache", {"module.py": "cached\n"}, sandbox.owner)
    env, base = plant(tmp_path / "env", {}, sandbox.owner), plant(tmp_path / "base", {}, sandbox.owner)
    for folder in (env, base):
        (folder / "module.py").hardlink_to(cache / "module.py")
    script = attack("open(sys.argv[1] + '/module.py', 'r+').write('poison')")
    control = plant(tmp_path / "control", {"module.py": "x"}, None)
    (tmp_path / "other").hardlink_to(control / "module.py")
    succeeds_unsandboxed(script, str(control))
    assert (tmp_path / "other").read_text() == "poison"
    tree = Tree(base=str(base), root="/srv/project")
    await holds(sandbox, python(script, str(env), tree=tree, mounts=(Mount(source=str(env), target=str(env)),)))
    assert (await sandbox.exec(python(script, ".", tree=tree))).stdout == b"BREACH\n"  # its own copy
    assert (cache / "module.py").read_text() == "cached\n"


async def test_programs_side_by_side_cannot_read_each_other(sandbox: Sandbox, tree: Tree) -> None:
    first = shell(
        "echo secret > $TMPDIR/mine; cat $TMPDIR/mine >&9; echo $TMPDIR/mine >&9; read go; cat $TMPDIR/mine >&9",
        tree=tree,
    )
    async with sandbox.start(first) as process:
        assert await process.receive(20) == b"secret"
        path = await process.receive(20)
        assert path is not None
        script = attack("assert open(sys.argv[1]).read()")
        await holds(sandbox, python(script, path.decode()))
        script = attack("open(sys.argv[1], 'w').write('forged\\n')\nassert 'tmp/mine' != sys.argv[1][1:]")
        await sandbox.exec(python(script, path.decode()))
        await process.send(b"go")
        assert await process.receive(20) == b"secret"
