"""The sandbox of choice: bubblewrap around an allow-listed root, on a private stage."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from covey.core.errors import NoSandbox, SandboxError, UnusableInput
from covey.core.execution import Applied, ExecResult, ExecSpec
from covey.core.protocols import SandboxProcess
from covey.execution import cgroups, seccomp
from covey.execution.launcher.plan import Groups, Plan
from covey.execution.launcher.stage import STAGE
from covey.execution.sandboxes import leftovers, probing, request
from covey.execution.sandboxes.running import run_to_end, run_to_talk
from covey.settings import search_path

OWNER = 64917
"""Uid and gid of sandboxed programs when Covey runs as root: no distribution and no service manager hands it out."""

HOME = "/home/covey"
TMP_SOURCE = f"{STAGE}/tmp"  # noqa: S108 - a path on the stage
TMP = "/tmp"  # noqa: S108 - a path inside
SHM = "/dev/shm"  # noqa: S108 - a path inside

_PARTS = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/share", "/usr/local/bin", "/usr/local/lib")
_SYSTEM = ("/usr", *request.LINKED, "/etc", "/proc", "/dev", "/sys")


def check_root(root: str) -> str:
    """Return the normal form of a tree's root. Raises UnusableInput when it would hide what every program needs."""
    path = request.normal(root, "The root of the tree")
    hidden = [needed for needed in (*_SYSTEM, *_PARTS, TMP, HOME) if request.relative_to(needed, path) is not None]
    inside = [top for top in _SYSTEM if top != "/usr" and request.relative_to(path, top)]
    if path == "/" or hidden or inside:
        raise UnusableInput(
            f"A repository at {path} cannot be worked on: it is, or lies in, a system folder. Move it elsewhere."
        )
    if path.startswith("/usr/") and not os.path.isdir(path):  # noqa: PTH112
        raise UnusableInput(f"A repository cannot be presented at {path}, because that folder is not there.")
    return path


class BubblewrapSandbox:
    """Runs programs in new namespaces of every kind.

    As root, programs run as :data:`OWNER`; as an ordinary user, as that user. Whatever a program writes lies in memory
    and is bounded by ``disk_bytes``; where a control group bounds memory, it counts there too. ``scratch`` is a folder
    of Covey's own.
    """

    name = "bubblewrap"

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._probing = asyncio.Lock()
        self._known: Applied | None = None
        self._overlay = True
        self._groups: Groups | None = None
        self._program = ""
        self._nesting_option = True

    @property
    def owner(self) -> int | None:
        """Uid of sandboxed programs, when it is not the caller's own."""
        return OWNER if os.geteuid() == 0 else None

    async def probe(self) -> Applied:
        """Run a program for real and look at what holds. Raises NoSandbox."""
        async with self._probing:
            if self._known is None:
                self._known = await self._probe()
            return self._known

    async def exec(self, spec: ExecSpec) -> ExecResult:
        """Run a program to its end."""
        await self.probe()
        return await self._exec(spec)

    @asynccontextmanager
    async def start(self, spec: ExecSpec) -> AsyncIterator[SandboxProcess]:
        """Run a program to talk to."""
        await self.probe()
        async with run_to_talk(self._plan(spec), spec, self._applied(spec)) as process:
            yield process

    async def _exec(self, spec: ExecSpec) -> ExecResult:
        return await run_to_end(self._plan(spec), spec, self._applied(spec))

    async def _probe(self) -> Applied:
        program = shutil.which("bwrap", path=f"/usr/bin:/bin:/usr/local/bin:{search_path()}")
        if program is None:
            raise NoSandbox("bubblewrap is not installed: `apt-get install bubblewrap` (or your system's package).")
        self._program = program
        self._nesting_option = await asyncio.to_thread(_has_option, program, b"--disable-userns")
        self._groups = await asyncio.to_thread(cgroups.prepare)
        await asyncio.to_thread(leftovers.sweep, self._folder())
        why = ""
        with tempfile.TemporaryDirectory(dir=self._folder(), prefix=leftovers.probe_prefix()) as folder:
            spec = probing.tree_spec(Path(folder), self.owner)
            for overlay in (True, False):
                self._overlay = overlay
                try:
                    result = await self._exec(spec)
                    probing.check(result, Path(folder))
                except (SandboxError, NoSandbox) as error:
                    why = str(error)
                else:
                    return result.applied
        raise NoSandbox(
            f"bubblewrap does not work here: {why} It needs unprivileged user namespaces: `sysctl "
            "kernel.unprivileged_userns_clone=1`, on Ubuntu `sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
        )

    def _folder(self) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch

    def _applied(self, spec: ExecSpec) -> Applied:
        return Applied(
            sandbox=self.name,
            mechanisms={
                "filesystem": "mount-namespace",
                "tree": "overlay" if self._overlay else "copy",
                "network": "none" if spec.network else "network-namespace",
                "signals": "pid-namespace",
                "uid": "dedicated-uid" if self.owner is not None else "user-namespace",
                "seccomp": "seccomp" if seccomp.supported() else "none",
                "file_size": "rlimit",
                "disk": "tmpfs",
                "wall": "supervisor",
                "output": "supervisor",
            },
        )

    def _plan(self, spec: ExecSpec) -> Plan:
        root = None if spec.tree is None else check_root(spec.tree.root)
        request.check_sources(spec)
        places = request.Places(root)
        plan = request.plan(spec, places, groups=self._groups, home=HOME, tmp=TMP)
        plan["mode"] = "bubblewrap"
        plan["uid"] = self.owner
        plan["bwrap"] = self._program
        plan["tree"] = request.tree_plan(spec, overlay=self._overlay, links=False)
        plan["seccomp"] = seccomp.build(
            "internet" if spec.network else "all",  # the host's network would bring its abstract local sockets along
            bounded_memory=bool(self._groups and self._groups["memory"]),
        )
        plan["files"] = identity_files(self.owner if self.owner is not None else os.geteuid(), os.getegid())
        plan["binds"] = [(mount.source, f"mount{number}") for number, mount in enumerate(spec.mounts)]
        plan["bwrap_args"] = self._arguments(spec, root, plan)
        plan["env"] = {}
        return plan

    def _arguments(self, spec: ExecSpec, root: str | None, plan: Plan) -> list[str]:
        args = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
        args += [] if spec.network else ["--unshare-net"]
        args += ["--disable-userns"] if self._nesting_option else []  # since 0.8; the filter denies it in any case
        args += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "covey"]
        args += _system_arguments(network=spec.network)
        args += ["--bind", TMP_SOURCE, TMP, "--bind", f"{STAGE}/home", HOME]
        places = [] if root is None else [(root, ["--bind", f"{STAGE}/tree", root])]
        for number, mount in enumerate(spec.mounts):
            target = request.normal(mount.target, "A mount target")
            flag = "--bind" if mount.mode == "rw" else "--ro-bind"
            places.append((target, [flag, f"{STAGE}/mount{number}", target]))
        for _, words in sorted(places, key=lambda place: place[0].split("/")):  # parents before what lies in them
            args += words
        args += ["--remount-ro", "/", "--chdir", plan["cwd"], "--clearenv"]
        for name, value in plan["env"].items():
            args += ["--setenv", name, value]
        return args


def _has_option(program: str, option: bytes) -> bool:
    try:
        told = subprocess.run([program, "--help"], capture_output=True, env={}, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoSandbox(f"{program} cannot be run: {error}") from error
    return option in told.stdout


def _system_arguments(*, network: bool) -> list[str]:
    """Arguments for the allow-listed root: system folders read-only, a few files of ``/etc``, devices, processes."""
    args = ["--ro-bind", "/usr", "/usr"]
    for top in request.LINKED:
        if os.path.islink(top):  # noqa: PTH114
            args += ["--symlink", os.readlink(top), top]  # noqa: PTH115
        elif os.path.isdir(top):  # noqa: PTH112
            args += ["--ro-bind", top, top]
    for folder in ("/etc", "/home", "/run", "/var"):
        args += ["--dir", folder]
    hosts = ["hosts", "resolv.conf"] if network else []
    for name in (*request.ETC, *hosts):
        path = f"/etc/{name}"
        if os.path.exists(path):  # noqa: PTH110
            args += ["--ro-bind", path, path]
    for name in ("passwd", "group", *([] if network else ["hosts"])):
        args += ["--ro-bind", f"{STAGE}/etc/{name}", f"/etc/{name}"]
    args += ["--proc", "/proc", "--dev", "/dev", "--bind", f"{STAGE}/shm", SHM, "--remount-ro", "/dev"]
    return [*args, "--symlink", "../tmp", "/var/tmp"]  # noqa: S108


def identity_files(uid: int, gid: int) -> dict[str, bytes]:
    """Return the synthetic files of ``/etc``: programs look up their own name, and localhost, there."""
    passwd = f"root:x:0:0:root:/root:/usr/sbin/nologin\ncovey:x:{uid}:{gid}:covey:{HOME}:/bin/sh\n"
    return {
        "etc/passwd": passwd.encode(),
        "etc/group": f"root:x:0:\ncovey:x:{gid}:\n".encode(),
        "etc/hosts": b"127.0.0.1 localhost covey\n::1 localhost covey\n",
    }
