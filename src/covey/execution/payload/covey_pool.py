"""Forked children: one job each, watched, bounded, and gone with everything they started when they end.

Python 3.6 and later, alone. PYTEST_DONT_REWRITE

What a child achieved is what its parent read from the child's own pipe *and* saw of its end; a child that exits
without having said ``done`` has achieved nothing.
"""

import json
import os
import resource
import select
import signal
import time
import warnings

from covey_channel import hide, write_all

PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.05
MESSAGES_BYTES = 4 << 20
STRAYS = 16


def fork():
    """``os.fork`` without the warning about threads, which a project's filters may turn into an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return os.fork()


def adopt_orphans():
    """Let processes whose parent died become children of this one, so that they can be found and ended."""
    try:
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return


def children_of_this_process():
    """Pids of direct children; empty where the kernel does not tell."""
    me = os.getpid()
    try:
        with open("/proc/%d/task/%d/children" % (me, me)) as stream:
            return [int(word) for word in stream.read().split()]
    except (OSError, ValueError):
        return []


def limit_memory(more):
    """Let this process grow by ``more`` bytes of address space from here."""
    try:
        with open("/proc/self/statm") as stream:
            pages = int(stream.read().split()[0])
        wanted = pages * resource.getpagesize() + more
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (wanted, wanted))
    except (OSError, ValueError):
        return


class Reporter(object):
    """The child's end: one JSON value a line."""

    def __init__(self, fd):
        self.fd = fd
        self.pid = os.getpid()

    def send(self, *message):
        """Tell the parent. A fork of the child says nothing."""
        if os.getpid() == self.pid:
            write_all(self.fd, (json.dumps(message) + "\n").encode("ascii"))


class Job(object):
    """A running child."""

    def __init__(self, task, pid, fd, deadline):
        self.task = task
        self.pid = pid
        self.fd = fd
        self.deadline = deadline
        self.started = time.time()
        self.messages = []
        self.buffer = b""
        self.size = 0
        self.shared = None
        self.end = None  # "done", "timeout", "signal:9", "exit:3"

    def feed(self, data):
        """Take in what the child wrote."""
        self.size += len(data)
        if self.size > MESSAGES_BYTES:
            return
        lines = (self.buffer + data).split(b"\n")
        self.buffer = lines.pop()
        for line in lines:
            try:
                message = json.loads(line.decode("ascii"))
            except ValueError:
                continue
            if isinstance(message, list) and message:
                self.messages.append(message)

    @property
    def done(self):
        """Did the child say that it came to the end of its job?"""
        return bool(self.messages) and self.messages[-1][0] == "done"


class Pool(object):
    """The children of this process. ``ended`` is called with each job that came to its end."""

    def __init__(self, ended, private=()):
        self.ended = ended
        self.jobs = {}  # fd → Job
        self.private = list(private)  # descriptors that no child may hold

    def start(self, task, seconds, shared=None):
        """Fork. Returns a Reporter in the child, None in the parent."""
        read, write = os.pipe()
        read, write = hide(read), hide(write)
        pid = fork()
        if pid == 0:
            os.setsid()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
            signal.setitimer(signal.ITIMER_REAL, seconds + 1.0)
            for fd in [read] + self.private + list(self.jobs):
                os.close(fd)
            self.jobs = {}
            return Reporter(write)
        os.close(write)
        os.set_blocking(read, False)
        job = Job(task, pid, read, time.monotonic() + seconds)
        job.shared = shared
        self.jobs[read] = job
        return None

    def wait(self, others):
        """Wait until something happens; serves the children and returns which of ``others`` can be read."""
        timeout = None
        if self.jobs:
            nearest = min(job.deadline for job in self.jobs.values()) - time.monotonic()
            timeout = max(0.0, min(POLL_S, nearest))
        ready, _, _ = select.select(list(others) + list(self.jobs), [], [], timeout)
        for fd in [item for item in ready if item in self.jobs]:
            self._read(self.jobs[fd])
        if not ready:
            for job in list(self.jobs.values()):
                self._look(job)
        return [fd for fd in ready if fd in others]

    def _read(self, job):
        ended = False
        while True:
            try:
                data = os.read(job.fd, 1 << 16)
            except BlockingIOError:
                break
            if not data:
                ended = True
                break
            job.feed(data)
        if job.done or ended:
            self._finish(job)
        elif time.monotonic() > job.deadline:
            self._finish(job, "timeout")

    def _look(self, job):
        """A child may be gone although a process it started holds its pipe open."""
        if time.monotonic() > job.deadline:
            self._finish(job, "timeout")
            return
        try:
            info = os.waitid(os.P_PID, job.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            info = True
        if info is not None:
            self._read(job)
            if job.fd in self.jobs:
                self._finish(job)

    def _finish(self, job, end=None):
        del self.jobs[job.fd]
        if end is None and not job.done:
            self._settle(job.pid)
        status = self._kill(job.pid)
        os.close(job.fd)
        if end is None:
            if job.done:
                end = "done"
            elif os.WIFSIGNALED(status):
                end = "signal:%d" % os.WTERMSIG(status)
                if os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGPROF):
                    end = "timeout"
            else:
                end = "exit:%d" % os.WEXITSTATUS(status)
        job.end = end
        self.ended(job)

    def _settle(self, pid):
        """A child that closed its pipe gets a moment to end by itself, so that its own status is seen."""
        limit = time.monotonic() + 1.0
        while time.monotonic() < limit:
            try:
                if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                    return
            except ChildProcessError:
                return
            time.sleep(0.002)

    def _kill(self, pid):
        """End a child and its process group; returns its wait status."""
        for send in (os.killpg, os.kill):
            try:
                send(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        try:
            return os.waitpid(pid, 0)[1]
        except ChildProcessError:
            return 0

    def strays(self):
        """Processes that ended jobs left behind."""
        known = {job.pid for job in self.jobs.values()}
        return [pid for pid in children_of_this_process() if pid not in known]

    def kill_strays(self, keep=()):
        """End what ended jobs left behind. Only right while no job runs: a running one may need its daemon."""
        for _ in range(100):
            found = [pid for pid in self.strays() if pid not in keep]
            if not found:
                return
            for pid in found:
                self._kill(pid)

    def kill_all(self):
        """End every job without telling anybody."""
        for job in list(self.jobs.values()):
            self._kill(job.pid)
            os.close(job.fd)
        self.jobs = {}
