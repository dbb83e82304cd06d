"""The supervisor: ``python -I -S -c … PLAN_FD REPORT_FD``."""

# Importing pathlib would cost milliseconds in every execution.
# ruff: noqa: PTH102
from __future__ import annotations

import errno
import fcntl
import marshal
import os
import select
import sys
import time

from covey.execution.launcher import confine, landlock, stage, syscalls, trees, watch
from covey.execution.launcher.groups import Group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from covey.execution.launcher.plan import Plan, Report

CHANNEL = 9
"""Number of the channel in the program: one digit, so that every shell can write to it."""

SERVANTS = 3
"""Processes of bubblewrap itself."""

TICK_S = 0.05
"""Pause between two looks of the watchdog."""


def main() -> None:
    """Run one plan and report. Never raises: what goes wrong is the report."""
    with os.fdopen(int(sys.argv[1]), "rb") as file:
        plan: Plan = marshal.load(file)  # noqa: S302 - written by our own parent
    report_fd = _move(int(sys.argv[2]))
    plan["lifeline"] = _move(plan["lifeline"])
    if plan["channel"] != CHANNEL:
        os.dup2(plan["channel"], CHANNEL)
        os.close(plan["channel"])
    plan["channel"] = CHANNEL
    try:
        report = Supervisor(plan, report_fd).run()
    except (OSError, ValueError) as error:
        report = {"error": str(error)}
    with os.fdopen(report_fd, "wb") as file:
        marshal.dump(dict(report), file)


class Supervisor:
    """Starts one program, watches it, ends everything it started, cleans up."""

    def __init__(self, plan: Plan, report_fd: int) -> None:
        self.plan = plan
        self.report_fd = report_fd
        self.report: Report = {"exit_code": None, "signal": None, "timed_out": False, "out_of_memory": False}
        self.mechanisms: dict[str, str] = {}
        self.peak = 0
        self.stopped = False
        self.disk: watch.DiskWatch | None = None

    def run(self) -> Report:
        """Do it all; raises OSError or ValueError when the sandbox could not be set up."""
        plan = self.plan
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
        group = Group(plan["groups"], plan["memory_bytes"], plan["processes"])
        try:
            self.mechanisms["memory"] = "watchdog" if group.memory is None else group.mechanism
            self.mechanisms["processes"] = self._process_limit(group)
            if plan["folder"] is not None:
                self._make_folder(plan["folder"])
                self.disk = watch.DiskWatch(plan["folder"], plan["disk_bytes"])
            self._run(group)
        finally:
            group.freeze_births()
            ended = watch.end_all(5.0)
            self.report["out_of_memory"] |= group.out_of_memory()
            self.report["max_memory_bytes"] = group.peak() or self.peak or None
            group.remove()
            if plan["folder"] is not None:
                self._remove_folder(plan["folder"])
        if not ended:
            raise OSError(errno.EBUSY, "some processes could not be ended")
        self.report["mechanisms"] = self.mechanisms
        return self.report

    def _process_limit(self, group: Group) -> str:
        if group.pids is not None:
            return group.mechanism
        return "rlimit" if self._counted_alone() else "watchdog"

    def _counted_alone(self) -> bool:
        """True when RLIMIT_NPROC counts this sandbox alone: in a user namespace of its own, since Linux 5.14."""
        kernel = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2] if part.isdigit())
        return self.plan["mode"] == "bubblewrap" and self.plan["uid"] is None and kernel >= (5, 14)

    def _run(self, group: Group) -> None:
        plan = self.plan
        error_read, error_write = os.pipe()
        status_read, status_write = os.pipe()
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.close(error_read)
            os.close(status_read)
            self._child(group, error_write, status_write)
        for descriptor in (error_write, status_write, plan["channel"]):
            os.close(descriptor)
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        deadline = started + plan["wall_s"]
        status, peak = self._wait(pid, deadline, group)
        self.report["duration_s"] = time.monotonic() - started
        self.peak = max(self.peak, peak)
        group.freeze_births()
        watch.end_all(5.0)  # so that both pipes have no writer left
        message = _read_all(error_read)
        if message:
            raise OSError(errno.EIO, message.decode(errors="replace"))
        self._conclude(status, _read_all(status_read))

    def _conclude(self, status: int, words: bytes) -> None:
        if self.stopped:  # whatever it still managed to do
            self.report["signal"] = syscalls.SIGKILL
            return
        code: int | None = None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        number: int | None = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        if self.plan["mode"] == "bubblewrap" and code is not None:
            if b'"exit-code"' not in words:
                self.report["unstarted"] = True  # it failed itself, or found no such program: its words are on stderr
            elif 128 < code <= 192:
                number = code - 128  # bubblewrap passes a signal on the way shells do
                code = None
        self.report["exit_code"], self.report["signal"] = code, number

    def _wait(self, pid: int, deadline: float, group: Group) -> tuple[int, int]:
        """Wait for the program, for Covey, and for the clock; return (wait status, largest resident size)."""
        poll = select.poll()
        poll.register(self.plan["lifeline"], select.POLLIN)
        try:
            handle = os.pidfd_open(pid)
        except OSError:  # kernels before 5.3
            handle = -1
        else:
            poll.register(handle, select.POLLIN)
        tick = TICK_S
        while True:
            now = time.monotonic()
            pause = min(tick, deadline - now) if handle >= 0 else 0.01
            events = {number for number, _ in poll.poll(max(0.0, pause) * 1000)}
            ended, status, used = os.wait4(pid, os.WNOHANG)
            if ended == pid:
                if handle >= 0:
                    os.close(handle)
                return status, used.ru_maxrss * 1024
            if time.monotonic() >= deadline:
                self.report["timed_out"] = True
            elif self.plan["lifeline"] not in events:
                looking = time.monotonic()
                if not self._over(group):
                    tick = max(TICK_S, 20 * (time.monotonic() - looking))  # never more than a twentieth of the time
                    continue
            break
        self.stopped = True
        group.freeze_births()
        pids = watch.descendants(os.getpid())
        watch.signal_all(pids if self.plan["mode"] != "bubblewrap" else [pid], syscalls.SIGKILL)
        _, status, used = os.wait4(pid, 0)
        return status, used.ru_maxrss * 1024

    def _over(self, group: Group) -> bool:
        """True when the watchdog finds a limit exceeded."""
        plan = self.plan
        if group.out_of_memory():  # the kernel ended one process; what is left would only fight for memory
            return True
        if group.memory is None or group.pids is None:
            memory, threads = watch.usage(watch.family(os.getpid()), plan["memory_bytes"])
            self.peak = max(self.peak, memory)
            if group.memory is None and memory > plan["memory_bytes"]:
                self.report["out_of_memory"] = True
                return True
            if group.pids is None and threads > plan["processes"] + SERVANTS:
                os.write(2, b"\ncovey: stopped, too many processes\n")
                return True
        if self.disk is not None and self.disk.over():
            os.write(2, b"\ncovey: stopped, too much written\n")
            return True
        return False

    def _child(self, group: Group, error: int, status: int) -> NoReturn:
        plan = self.plan
        try:
            os.close(self.report_fd)
            group.join()
            if plan["mode"] == "bubblewrap":
                self._exec_bubblewrap(error, status)
            else:
                self._exec_here(group, error)
        except BaseException as problem:  # noqa: BLE001 - whatever it is, the parent must hear of it
            os.write(error, str(problem).encode(errors="replace")[:4096] or b"unknown failure")
        finally:
            os._exit(125)

    def _exec_bubblewrap(self, error: int, status: int) -> None:
        plan = self.plan
        stage.prepare(plan)
        confine.limit(plan, plan["processes"] + SERVANTS if self._counted_alone() else None)
        arguments = _memory_file(b"".join(os.fsencode(word) + b"\0" for word in plan["bwrap_args"]))
        filters = -1 if plan["seccomp"] is None else _memory_file(plan["seccomp"])
        command = [plan["bwrap"], "--args", str(arguments), "--json-status-fd", str(status)]
        if filters >= 0:
            command += ["--seccomp", str(filters)]
        command += ["--", *plan["argv"]]
        if plan["uid"] is not None:
            confine.become(plan["uid"])
        confine.no_new_privileges()
        confine.close_all_but({plan["channel"], arguments, filters, status} - {-1}, until_exec=error)
        syscalls.default_signals()
        os.chdir("/")
        os.umask(0o022)
        os.execve(plan["bwrap"], command, {})  # noqa: S606 - no shell is wanted

    def _exec_here(self, group: Group, error: int) -> None:
        """Without namespaces: the program runs on the host, with as little as possible."""
        plan = self.plan
        os.setsid()
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, syscalls.SIGKILL)
        bomb_stop = group.pids is None and os.geteuid() != 0  # the watchdog counts exactly, but only every now and then
        confine.limit(plan, watch.threads_of(os.geteuid()) + plan["processes"] if bomb_stop else None)
        os.umask(0o022)
        os.chdir(plan["cwd"])
        if plan["mode"] == "landlock":
            if os.geteuid() == 0:
                confine.drop_capabilities()
            confine.no_new_privileges()
            landlock.restrict(plan["readable"], plan["writable"], plan["devices"], network=plan["network"])
        confine.close_all_but({plan["channel"]}, until_exec=error)
        syscalls.default_signals()
        if plan["seccomp"] is not None:
            confine.install_filter(plan["seccomp"])
        problem = _execute(plan["argv"], plan["env"])
        os.write(2, f"{plan['argv'][0]}: {problem.strerror}\n".encode(errors="replace"))
        os._exit(127)

    def _make_folder(self, path: str) -> None:
        os.mkdir(path, 0o700)
        for name in ("tree", "tmp", "home"):
            os.mkdir(f"{path}/{name}", 0o700)
        tree = self.plan["tree"]
        if tree is not None:
            root = trees.folder(f"{path}/tree")
            for source in (tree["base"], tree["layer"]):
                if source is not None:
                    descriptor = trees.folder(source)
                    trees.copy(descriptor, root, None)
                    os.close(descriptor)
            stage.arrange(root, tree)
            os.close(root)

    def _remove_folder(self, path: str) -> None:
        parent, name = os.path.split(path)
        descriptor = trees.folder(parent)
        try:
            trees.remove_entry(descriptor, name)
        finally:
            os.close(descriptor)


def _execute(argv: list[str], env: dict[str, str]) -> OSError:
    """Become the program, found along ``PATH``; return why that failed.

    ``os.execvpe`` would import a module here, from a file that may no longer be readable.
    """
    problem = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    folders = [""] if "/" in argv[0] else [f"{folder or '.'}/" for folder in env["PATH"].split(":")]
    for folder in folders:
        try:
            os.execve(f"{folder}{argv[0]}", argv, env)  # noqa: S606 - no shell is wanted
        except OSError as error:
            if problem.errno == errno.ENOENT:
                problem = error
    return problem


def _move(descriptor: int) -> int:
    """Move a descriptor out of the way of the channel."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 20)
    os.close(descriptor)
    return moved


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("covey", 0)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _read_all(descriptor: int) -> bytes:
    found = b""
    while chunk := os.read(descriptor, 4096):
        found += chunk
    os.close(descriptor)
    return found
