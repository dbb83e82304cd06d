"""The fork server: a process from just before the project's first import, and one from just after collection.

Python 3.6 and later, alone. PYTEST_DONT_REWRITE

``Server`` stands before the first import. It reads tasks from standard input, forks candidates that need a fresh
import, watches the tree, and is the only one that writes on the channel. ``Hot`` stands after collection; it forks
candidates whose edit can be swapped into live functions. Both judge their children by their pipe and their end.

Tasks, one JSON object a line: ``names`` (test ids that later tasks name by number), ``try``, ``trace``, ``probe``,
``at_import``, ``stop``. Answers: ``ready``, ``tried``, ``traced``, ``probed``, ``at_import``, ``damaged``.
"""

import json
import marshal
import os
import shutil
import tempfile
import time

import covey_source
import covey_swap
from covey_channel import hide, write_all
from covey_hot import Hot
from covey_pool import STRAYS, Pool, adopt_orphans, fork
from covey_request import empty_stdin
from covey_tasks import LOST, LineReader, answer_of, patched, settle
from covey_watch import Watch

AHEAD = 2
USAGE_ERROR = 4  # of pytest: nobody's edit mends the command line


class Server(object):
    """See the module's text. ``serve`` returns only in forks: with the role they play."""

    def __init__(self, channel, tree, workers, memory):
        self.channel = channel
        self.tree = tree
        self.workers = workers
        self.memory = memory
        self.control = LineReader(hide(os.dup(0)))
        empty_stdin()
        self.hushed = {(info.st_dev, info.st_ino) for info in (os.fstat(1), os.fstat(2))}
        self.names = []
        self.queue = []
        self.busy = {}  # task id → task
        self.pending = set()  # created files to remove when nothing runs
        self.damaged = False
        self.solo = False
        self.exclusive = False
        self.drain = False
        self.disk_tests = set()
        self.took = {}  # test → processor seconds, of those that were traced to their end
        self.count = 0
        self.hot = None
        self.hot_in = None
        self.hot_pid = 0
        self.started = time.time()

    # -- life

    def serve(self):
        """Fork the hot process, then serve. Returns ``("hot", Hot)`` or ``("fresh", task, reporter)`` in forks."""
        adopt_orphans()
        self.code_file = tempfile.TemporaryFile()
        self.code = {}
        self.watch = Watch(self.tree)
        self.pool = Pool(self._ended, [self.control.fd, self.channel.fd])
        role = self._fork_hot()
        if role is not None:
            return role
        while True:
            role = self._fill()
            if role is not None:
                return role
            sources = [self.control.fd] + ([self.hot.fd] if self.hot is not None else [])
            for fd in self.pool.wait(sources):
                if fd == self.control.fd:
                    self._listen()
                elif self.hot is not None:
                    self._hear()

    def _fork_hot(self):
        down_read, down_write = [hide(fd) for fd in os.pipe()]
        up_read, up_write = [hide(fd) for fd in os.pipe()]
        pid = fork()
        if pid == 0:
            for fd in (down_write, up_read, self.control.fd, self.channel.fd):
                os.close(fd)
            return "hot", Hot(self, LineReader(down_read), up_write)
        for fd in (down_read, up_write):
            os.close(fd)
        self.hot, self.hot_in, self.hot_pid = LineReader(up_read), down_write, pid
        self.pool.private += [down_write, up_read]
        return None

    def emit(self, event):
        """Answer the host."""
        self.channel.emit(event)

    # -- tasks

    def _listen(self):
        tasks = self.control.read()
        if tasks is None:
            self._stop()
        for task in tasks:
            op = task["op"]
            if op == "stop":
                self._stop()
            elif op == "names":
                self.names = task["ids"]
                self._tell_hot(task)
            elif op == "at_import":
                if self.hot is None:
                    self.emit({"e": "at_import", "lines": {}})
                self._tell_hot(task)
            else:
                if task["op"] == "try":
                    plain = all(path.endswith(".py") for path in task["edits"])
                    task["mode"] = "hotswap" if plain else "disk"
                self.queue.append(task)

    def _tell_hot(self, task):
        if self.hot is None:
            return
        try:
            write_all(self.hot_in, (json.dumps(task) + "\n").encode("ascii"))
        except BrokenPipeError:
            self._lost()

    def _stop(self):
        self.pool.kill_all()
        try:
            os.kill(self.hot_pid, 9)
        except OSError:
            pass
        os._exit(0)

    def _lost(self):
        """The hot process is gone: the host starts a new server and finds out which candidate did it."""
        os._exit(LOST)

    def _hear(self):
        lines = self.hot.read()
        if lines is None:
            if self.ready:
                self._lost()
            status = os.waitpid(self.hot_pid, 0)[1]
            if os.WIFEXITED(status) and os.WEXITSTATUS(status) == USAGE_ERROR:
                os._exit(USAGE_ERROR)
            self._no_hot("the process that collects them ended by itself")
            return
        for event in lines:
            kind = event.get("e")
            if kind == "ready":
                self.ready = True
                self.watch.settle()
                self._take_code()
                self.emit(event)
            elif kind == "nothot" and not self.ready:
                self._no_hot(event["why"])
            elif kind == "at_import":
                self.emit(event)
            else:
                if kind == "traced" and event["end"] == "done" and event["cpu"] is not None:
                    self.took[self.busy[event["id"]]["test"]] = event["cpu"]
                self.drain = self.drain or event.pop("strays", 0) > STRAYS
                self._settled(self.busy[event["id"]], event)

    ready = False

    def _take_code(self):
        """Take over what the hot process compiled."""
        self.code_file.seek(0)
        data = self.code_file.read()
        self.code_file.close()
        self.code = marshal.loads(data) if data else {}

    def _no_hot(self, why):
        """Collection of the unedited project fails: every candidate starts from a fresh import."""
        self.hot = None
        self.watch.settle()
        if not self.ready:
            self.emit({"e": "ready", "hot": False, "why": why, "seconds": round(time.time() - self.started, 3)})
        self.ready = True

    # -- scheduling

    def _fill(self):
        """Start what may start. Returns a role in a fork."""
        if not self.busy:
            self._quiet()
        while self.queue and self.ready and not (self.damaged or self.exclusive or self.drain or self.pending):
            task = self.queue[0]
            if task.get("mode") == "disk" and self.busy:
                return None
            if len(self.busy) >= self._room(task):
                return None
            self.queue.pop(0)
            role = self._begin(task)
            if role is not None:
                return role
        return None

    def _room(self, task):
        """The hot process is handed some tasks ahead, so that it need not wait for this one in between."""
        if self.solo:
            return 1
        ahead = AHEAD if self.hot is not None and task.get("mode") in (None, "hotswap") else 0
        return self.workers + ahead

    def _quiet(self):
        """Nothing runs: clean up."""
        self.drain = False
        self.pool.kill_strays(keep=(self.hot_pid,))
        if self.pending:
            self.watch.undo(sorted(self.pending))
            self.pending = set()
        if self.damaged:
            self.damaged = False
            self.ready = False  # nothing more is started
            self.emit({"e": "damaged"})

    def _begin(self, task):
        for other in self.busy.values():
            other["crowd"] = True
        task["crowd"] = bool(self.busy)
        self.busy[task["id"]] = task
        self.count += 1
        task["number"] = self.count
        hot = self.hot is not None
        if task["op"] != "try" and not hot:
            self._settled(task, {"id": task["id"], "e": "traced", "end": "nothot"})
            return None
        if hot and (task["op"] != "try" or (task["mode"] == "hotswap" and not self._known_disk(task))):
            self._tell_hot(task)
            return None
        if task["mode"] == "hotswap":
            task["mode"] = "disk" if hot and self._known_disk(task) else "fresh"
        if task["mode"] == "disk" and len(self.busy) > 1:
            del self.busy[task["id"]]
            self.queue.insert(0, task)
            self.exclusive = True  # until what runs has ended
            return None
        return self._fresh(task)

    def _known_disk(self, task):
        return bool(task["targets"]) and task["targets"][0] in self.disk_tests

    def _fresh(self, task):
        task.setdefault("stage", 1)
        try:
            files = patched(task, self.watch, self.tree)
            for path, (_, new) in files.items():
                if path.endswith(".py"):
                    covey_swap.check_syntax(path, new)
        except (SyntaxError, ValueError) as error:
            answer = {"id": task["id"], "end": "done", "invalid": [type(error).__name__, str(error)]}
            self._settled(task, answer)
            return None
        except (covey_swap.Damaged, OSError):
            self.damaged = True
            self.queue.insert(0, self.busy.pop(task["id"]))
            return None
        if task["mode"] == "disk":
            self.exclusive = True
            task["restore"] = [(path, old, os.stat(path)) for path, (old, _) in files.items()]
            for path, (_, new) in files.items():
                with open(path, "wb") as stream:
                    stream.write(new)
        reporter = self.pool.start(task, task["seconds"])
        if reporter is None:
            return None
        self.served = {} if task["mode"] == "disk" else {path: new for path, (_, new) in files.items()}
        return "fresh", task, reporter

    def _ended(self, job):
        """A fresh child ended."""
        task = job.task
        if "restore" in task:
            for path, old, info in task.pop("restore"):
                with open(path, "wb") as stream:
                    stream.write(old)
                os.chmod(path, info.st_mode & 0o7777)
                os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
        folder = os.path.join(tempfile.gettempdir(), "covey-job-%d" % task["number"])
        shutil.rmtree(folder, ignore_errors=True)
        answer = answer_of(job)
        answer["mode"] = task["mode"]
        self._settled(task, answer)

    def _settled(self, task, answer):
        """A task has an answer; decide what it is worth."""
        del self.busy[task["id"]]
        if self.exclusive and not self.busy:
            self.exclusive = False
        created, damaged = self.watch.changes()
        if created or damaged or self.pending or self.damaged:
            self.solo = True
            self.pending.update(created)
            self.damaged = self.damaged or bool(damaged)
            if task["crowd"]:  # somebody else's files may have been in the way
                task.pop("stage", None)
                self.queue.insert(0, task)
                return
        if task["op"] == "try" and self._again(task, answer):
            return
        answer.setdefault("e", "tried")
        answer.setdefault("mode", task.get("mode", ""))
        self.emit(answer)

    def _again(self, task, answer):
        """Does the candidate go on in another way?"""
        need = answer.get("need")
        if need:
            task["mode"] = need[0]
            task["stage"] = 1
            task.pop("flipped", None)
            if need[0] == "disk" and answer.get("running") is not None:
                self.disk_tests.add(answer["running"])
            self.queue.insert(0, task)
            return True
        if answer.get("invalid") or answer["end"] != "done" or task.get("stage") is None:
            return False
        if task["stage"] == 1 and answer["green"] and task["regressions"]:
            task["stage"] = 2
            task["flipped"] = answer["green"]
            task["target_red"] = answer["red"]
            task["seconds"] = max(1.0, task["seconds"] - answer["seconds"])
            self.queue.insert(0, task)
            return True
        if task["stage"] == 2:
            answer["green"] = task["flipped"] + answer["green"]
            answer["red"] = answer["red"] or task["target_red"]
        return False

    # -- what a fresh fork needs

    def prepare_fresh(self, task, reporter):
        """Settle a fresh child; the project is imported after this."""
        setting = {"number": task["number"], "hushed": self.hushed, "memory": self.memory, "tree": self.tree}
        task["took"] = self.took
        guard = settle(task, reporter, setting)
        covey_source.use_code(self.code, [os.path.realpath(os.path.join(self.tree, path)) for path in task["edits"]])
        if self.served:
            covey_source.serve(self.served)
            guard.active = True
