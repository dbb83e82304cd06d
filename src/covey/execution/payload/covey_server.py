"""The fork server: a process from just before the project's first import, and one from just after collection.

Python 3.6 and later, alone. PYTEST_DONT_REWRITE

``Server`` stands before the first import. It reads tasks from standard input, forks candidates that need a fresh
import, watches the tree, and is the only one that writes on the channel. ``Hot`` stands after collection; it forks
candidates whose edit can be swapped into live functions. Both judge their children by their pipe and their end.

Tasks, one JSON object a line: ``names`` (test ids that later tasks name by number), ``try``, ``trace``,
``at_import``, ``stop``. Answers: ``ready``, ``tried``, ``traced``, ``at_import``, ``damaged``.
"""

import json
import os
import shutil
import sys
import tempfile
import time
import traceback

import covey_child
import covey_source
import covey_swap
from covey_channel import hide, write_all
from covey_lines import Lines
from covey_pool import STRAYS, Pool, adopt_orphans, fork, limit_memory
from covey_request import empty_stdin
from covey_watch import Watch

LOST = 70
USAGE_ERROR = 4  # of pytest: nobody's edit mends the command line


class LineReader(object):
    """Lines from a descriptor."""

    def __init__(self, fd):
        self.fd = fd
        self.buffer = b""

    def read(self):
        """Return complete lines as JSON values; None at the end."""
        data = os.read(self.fd, 1 << 16)
        if not data:
            return None
        lines = (self.buffer + data).split(b"\n")
        self.buffer = lines.pop()
        return [json.loads(line.decode("ascii")) for line in lines if line]


def answer_of(job):
    """Condense what a child said and how it ended."""
    answer = {"id": job.task["id"], "end": job.end, "green": [], "red": None, "running": None}
    answer["seconds"] = round(time.time() - job.started, 6)
    for message in job.messages:
        kind = message[0]
        if kind == "run":
            answer["running"] = message[1]
        elif kind == "t":
            answer["running"] = None
            if message[2]:
                answer["green"].append(message[1])
            elif answer["red"] is None or answer["red"][0] not in job.task["targets"]:
                answer["red"] = message[1:2] + message[3:]
        elif kind in ("need", "invalid", "broken"):
            answer[kind] = message[1:]
    return answer


def execute(driver, task, names, reporter):
    """Run the tests of a candidate in this process: targets, then, if one turned green, regressions."""
    targets = [] if task.get("stage") == 2 else task["targets"]
    regressions = [] if task.get("stage") == 1 else task["regressions"]
    order = targets + regressions
    flipped = task.get("stage") == 2
    for at, index in enumerate(order):
        target = at < len(targets)
        if not target and not flipped:
            break
        following = names[order[at + 1]] if at + 1 < len(order) else None
        reporter.send("run", index)
        outcome, failure = driver.run(names[index], following)
        good = outcome in ("passed", "xpassed") if target else outcome not in ("failed", "error")
        failure = failure or {}
        reporter.send("t", index, good, failure.get("type", outcome), failure.get("message", ""))
        flipped = flipped or good
        if not good and not (target and flipped):
            break


def report_broken(reporter):
    """Say whether an edited module raised while it was imported."""
    for _, error in covey_source.broken()[:1]:
        reporter.send("broken", type(error).__name__, str(error)[:500])


def finish(reporter):
    """End a child that came to the end of its job."""
    reporter.send("done")
    os._exit(0)


def settle(task, reporter, setting):
    """Make a forked child ready to run untrusted code. Returns its guard (not yet active)."""
    folder = covey_child.own_folder(setting["number"])
    covey_child.own_the_files(setting["hushed"])
    covey_child.own_hypothesis(folder)
    limit_memory(setting["memory"])
    paths = [os.path.join(setting["tree"], path) for path in task.get("edits", ())]

    def need(why):
        line = json.dumps(["need", "disk", why]) + '\n["done"]\n'
        write_all(reporter.fd, line.encode("ascii"))
        os._exit(0)

    guard = covey_child.Guard([os.path.realpath(path) for path in paths], need)
    guard.install()
    return guard


def patched(task, watch, tree):
    """Return real path → (original bytes, patched bytes) for a task's edits. Raises Damaged, SyntaxError."""
    found = {}
    for relative, edits in task["edits"].items():
        path = os.path.realpath(os.path.join(tree, relative))
        state = watch.tracked.get(os.path.join(tree, relative))
        data = covey_swap.read(path, state[:2] if state else None)
        found[path] = (data, covey_swap.apply_edits(data, edits))
    return found


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
        self.count = 0
        self.hot = None
        self.hot_in = None
        self.hot_pid = 0
        self.started = time.time()

    # -- life

    def serve(self):
        """Fork the hot process, then serve. Returns ``("hot", Hot)`` or ``("fresh", task, reporter)`` in forks."""
        adopt_orphans()
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
                self.emit(event)
            elif kind == "nothot" and not self.ready:
                self._no_hot(event["why"])
            elif kind == "at_import":
                self.emit(event)
            else:
                self.drain = self.drain or event.pop("strays", 0) > STRAYS
                self._settled(self.busy[event["id"]], event)

    ready = False

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
            if len(self.busy) >= (1 if self.solo else self.workers):
                return None
            self.queue.pop(0)
            role = self._begin(task)
            if role is not None:
                return role
        return None

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
        if task["op"] == "trace" and not hot:
            self._settled(task, {"id": task["id"], "e": "traced", "end": "nothot"})
            return None
        if hot and (task["op"] == "trace" or (task["mode"] == "hotswap" and not self._known_disk(task))):
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
        guard = settle(task, reporter, setting)
        if self.served:
            covey_source.serve(self.served)
            guard.active = True


class Hot(object):
    """The process that has collected the tests. Made in the fork, before collection."""

    def __init__(self, server, control, up):
        self.tree = server.tree
        self.hushed = server.hushed
        self.memory = server.memory
        self.watch = server.watch
        self.started = server.started
        self.control = control
        self.up = up
        self.names = []
        self.layouts = {}
        self.lines = Lines(self.tree)
        self.lines.start()

    def send(self, event):
        """Tell the server."""
        write_all(self.up, (json.dumps(event) + "\n").encode("ascii"))

    def give_up(self, why):
        """Collection does not come to its end."""
        self.send({"e": "nothot", "why": why})
        os._exit(0)

    def serve(self, driver):
        """Serve with collected tests. Never returns."""
        self.lines.stop()
        self.at_import = self.lines.memory
        self.driver = driver
        adopt_orphans()
        self.live, busy = covey_swap.live_functions(lambda path: self.lines.files.get(path) is not None)
        self.entered = self.lines.entered | busy
        import gc

        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()
        self.pool = Pool(self._ended, [self.control.fd, self.up])
        seconds = round(time.time() - self.started, 3)
        self.send(
            {"e": "ready", "hot": True, "tests": len(driver.tests), "seconds": seconds, "blind": self.lines.blind}
        )
        try:
            self._loop()
        except BaseException:  # a fork or the process itself: never back into the framework
            traceback.print_exc()
            os._exit(LOST)

    def _loop(self):
        while True:
            for _ in self.pool.wait([self.control.fd]):
                tasks = self.control.read()
                if tasks is None:
                    self.pool.kill_all()
                    os._exit(0)
                for task in tasks:
                    self._take(task)

    def _take(self, task):
        op = task["op"]
        if op == "names":
            self.names = task["ids"]
        elif op == "at_import":
            self.send({"e": "at_import", "lines": self.lines.lines()})
        elif op == "trace":
            self._trace(task)
        else:
            for path in task["edits"]:
                self._layout(path)
            reporter = self.pool.start(task, task["seconds"])
            if reporter is not None:
                self._try(task, reporter)

    def _layout(self, relative):
        """Remember the shape of a file, once, before the fork."""
        if relative not in self.layouts:
            try:
                with open(os.path.join(self.tree, relative), "rb") as stream:
                    self.layouts[relative] = covey_swap.outline(stream.read())
            except (OSError, SyntaxError, ValueError, RecursionError):
                self.layouts[relative] = None

    def _ended(self, job):
        folder = os.path.join(tempfile.gettempdir(), "covey-job-%d" % job.task["number"])
        shutil.rmtree(folder, ignore_errors=True)
        if job.task["op"] == "trace":
            answer = self._traced(job)
        else:
            answer = answer_of(job)
            answer["mode"] = "hotswap"
        answer["strays"] = len(self.pool.strays())
        if answer["strays"] and not self.pool.jobs:
            self.pool.kill_strays()
        self.send(answer)

    # -- candidates

    def _setting(self, task):
        return {"number": task["number"], "hushed": self.hushed, "memory": self.memory, "tree": self.tree}

    def _try(self, task, reporter):
        """In a child: put the edits in and run the tests."""
        try:
            self._swap(task)
        except (covey_swap.NeedsFresh, covey_swap.Damaged, OSError, RecursionError) as error:
            reporter.send("need", "fresh", str(error))
            finish(reporter)
        except (SyntaxError, ValueError, UnicodeError) as error:
            reporter.send("invalid", type(error).__name__, str(error))
            finish(reporter)
        guard = settle(task, reporter, self._setting(task))
        guard.active = True
        self.driver.hurry()
        execute(self.driver, task, self.names, reporter)
        report_broken(reporter)
        finish(reporter)

    def _swap(self, task):
        if self.lines.blind:
            raise covey_swap.NeedsFresh("what ran at import is not known")
        if not all(self.driver.has(self.names[index]) for index in task["targets"] + task["regressions"]):
            raise covey_swap.NeedsFresh("a test is not collected without the edit")
        files = patched(task, self.watch, self.tree)
        work = []
        for relative, edits in task["edits"].items():
            layout = self.layouts[relative]
            path = os.path.realpath(os.path.join(self.tree, relative))
            if layout is None:
                raise covey_swap.NeedsFresh("the file has no known shape")
            for filename in self.lines.names.get(relative, ()):
                if filename not in self.loaded():
                    raise covey_swap.NeedsFresh("the module was not imported as usual")
                work += covey_swap.plan_swaps(relative, filename, files[path][0], edits, layout, self.entered)
            if relative not in self.lines.names:
                covey_swap.check_syntax(path, files[path][1])
        covey_swap.swap(work, self.live)
        covey_source.serve({path: new for path, (_, new) in files.items()})

    def loaded(self):
        """Files of the modules that are imported."""
        if not hasattr(self, "_loaded"):
            self._loaded = {getattr(item, "__file__", None) for item in list(sys.modules.values())}
        return self._loaded

    # -- coverage

    def _trace(self, task):
        memory = self.lines.fork_view()
        reporter = self.pool.start(task, task["seconds"], memory)
        if reporter is None:
            self.lines.memory = self.at_import
            return
        guard = settle(task, reporter, self._setting(task))
        guard.need = lambda why: reporter.send("note", why)
        guard.active = True
        self.lines.note = lambda *place: reporter.send("file", *place)
        self.lines.start()
        try:
            outcome, failure = self.driver.run(task["test"], None)
        finally:
            sys.settrace(None)
        result = dict(self.driver.last or {}, id=task["test"], outcome=outcome, failure=failure)
        reporter.send("result", result)
        finish(reporter)

    def _traced(self, job):
        extra = [message[1:] for message in job.messages if message[0] == "file"]
        results = [message[1] for message in job.messages if message[0] == "result"]
        notes = [message[1] for message in job.messages if message[0] == "note"]
        self.lines.memory = job.shared
        lines = self.lines.lines_of(extra)
        self.lines.memory = self.at_import
        job.shared.close()
        return {
            "e": "traced",
            "id": job.task["id"],
            "end": job.end,
            "result": results[-1] if results else None,
            "lines": lines,
            "note": notes[0] if notes else None,
        }
