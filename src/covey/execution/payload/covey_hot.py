"""The fork server's process from just after collection. Python 3.6 and later, alone. PYTEST_DONT_REWRITE"""

import collections
import gc
import json
import linecache
import marshal
import os
import shutil
import sys
import tempfile
import time
import traceback

import covey_source
import covey_swap
from covey_channel import write_all
from covey_lines import Lines
from covey_nearby import Nearby, lines_of
from covey_pool import Pool, adopt_orphans
from covey_probe import Probe, answer_of_probe
from covey_tasks import LOST, answer_of, execute, finish, patched, report_broken, settle

CODE_BYTES = 64 << 20


class Hot(object):
    """The process that has collected the tests. Made in the fork, before collection."""

    def __init__(self, server, control, up):
        self.tree = server.tree
        self.workers = server.workers
        self.waiting = collections.deque()
        self.hushed = server.hushed
        self.memory = server.memory
        self.watch = server.watch
        self.started = server.started
        self.control = control
        self.up = up
        self.names = []
        self.layouts = {}
        self.statements = {}  # (file name, first byte) → code of a statement that candidates edit
        self.nearby = Nearby()
        self.code_file = server.code_file
        self.code = covey_source.keep_code()
        self.lines = Lines(self.tree)
        self.lines.start(only_calls=True)

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
        self._hand_over_code()
        # Not by getattr: a lazy module would start to import.
        self.loaded = {getattr(item, "__dict__", {}).get("__file__") for item in list(sys.modules.values())}
        adopt_orphans()
        if hasattr(driver, "settle"):
            driver.settle()
        self.live, busy = covey_swap.live_functions(lambda path: self.lines.files.get(path) is not None)
        self.entered = self.lines.entered | busy
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

    def _hand_over_code(self):
        """Let fresh candidates have what was compiled for the collection."""
        covey_source.stop_keeping()
        if sum(map(len, self.code.values())) < CODE_BYTES:
            marshal.dump(self.code, self.code_file)
        self.code_file.close()
        del self.code

    def _loop(self):
        while True:
            for _ in self.pool.wait([self.control.fd]):
                tasks = self.control.read()
                if tasks is None:
                    self.pool.kill_all()
                    os._exit(0)
                for task in tasks:
                    self._take(task)
            while self.waiting and len(self.pool.jobs) < self.workers:
                self._begin(self.waiting.popleft())

    def _take(self, task):
        op = task["op"]
        if op == "names":
            self.names = task["ids"]
        elif op == "at_import":
            self.send({"e": "at_import", "lines": self.lines.lines()})
        else:
            self.waiting.append(task)

    def _begin(self, task):
        if task["op"] == "trace":
            self._trace(task)
        elif task["op"] == "probe":
            self._probe(task)
        else:
            for path, edits in task["edits"].items():
                self._layout(path)
                self._keep_statements(path, edits)
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

    def _keep_statements(self, relative, edits):
        """Compile what candidates edit once, before the fork; one that cannot be is the child's to report."""
        try:
            layout = self.layouts[relative]
            for span in covey_swap.by_statement(edits, layout) if layout is not None else ():
                for filename in self.lines.names.get(relative, ()):
                    if (filename, span[0]) not in self.statements:
                        with open(os.path.join(self.tree, relative), "rb") as stream:
                            data = stream.read()
                        code = covey_swap.compiled(filename, data, data[span[0] : span[1]], span, layout)
                        self.statements[filename, span[0]] = code
        except (covey_swap.NeedsFresh, OSError, SyntaxError, ValueError, RecursionError):
            return

    def _ended(self, job):
        folder = os.path.join(tempfile.gettempdir(), "covey-job-%d" % job.task["number"])
        shutil.rmtree(folder, ignore_errors=True)
        if job.task["op"] == "trace":
            answer = self._traced(job)
        elif job.task["op"] == "probe":
            answer = answer_of_probe(job)
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
        task["took"] = self.nearby.seconds
        execute(self.driver, task, self.names, reporter)
        report_broken(reporter)
        finish(reporter)

    def _swap(self, task):
        if self.lines.blind:
            raise covey_swap.NeedsFresh("what ran at import is not known")
        if not all(self.driver.has(self.names[index]) for index in task["targets"] + task["regressions"]):
            raise covey_swap.NeedsFresh("a test is not collected without the edit")
        files = patched(task, self.watch, self.tree)
        swaps = self.plan(task["edits"], files, self.entered)
        covey_swap.swap(swaps, self.live)
        task["regressions"] = self.nearby.enter(task["regressions"], self.names, self._places(task["edits"], swaps))
        covey_source.serve({path: new for path, (_, new) in files.items()})

    def _places(self, edits, swaps):
        """Path → lines of functions that change, None for the whole file."""
        paths = {name: path for path, names in self.lines.names.items() for name in names}
        places = dict.fromkeys(edits)
        for old, _, _ in swaps:
            path = paths[old.co_filename]
            places[path] = (places.get(path) or set()) | lines_of(old)
        return places

    def plan(self, edits, files, started):
        """Swaps for a candidate's edits; functions ``started`` must not change. Raises NeedsFresh, SyntaxError."""
        work = []
        for relative, changes in edits.items():
            layout = self.layouts[relative]
            path = os.path.realpath(os.path.join(self.tree, relative))
            if layout is None:
                raise covey_swap.NeedsFresh("the file has no known shape")
            for filename in self.lines.names.get(relative, ()):
                if filename not in self.loaded:
                    raise covey_swap.NeedsFresh("the module was not imported as usual")
                data = files[path][0]
                work += covey_swap.plan_swaps(relative, filename, data, changes, layout, started, self.statements)
            if relative not in self.lines.names:
                covey_swap.check_syntax(path, files[path][1])
        return work

    # -- behaviour

    def _probe(self, task):
        """Compare candidates on the same inputs, in a child that forks on."""
        task["edits"] = {path: [] for edits in task["candidates"] for path in edits}
        for path in task["edits"]:
            self._layout(path)
        reporter = self.pool.start(task, task["seconds"])
        if reporter is None:
            return
        guard = settle(task, reporter, self._setting(task))
        self.driver.hurry()
        Probe(self, task, reporter).run(guard)
        finish(reporter)

    # -- coverage

    def _trace(self, task):
        memory = self.lines.fork_view()
        reporter = self.pool.start(task, task["seconds"], memory)
        if reporter is None:
            self.lines.memory = self.at_import
            return
        linecache.clearcache()  # so that a test that looks at the source is seen to do so
        guard = settle(task, reporter, self._setting(task))
        guard.watch_all(self.tree, reporter.send)
        self.lines.note = lambda *place: reporter.send("file", *place)
        self.lines.start()
        started = time.process_time()
        try:
            outcome, failure = self.driver.run(task["test"], None)
            if not self.lines.alive():
                reporter.send("note", "the test took the tracing over")
        finally:
            sys.settrace(None)
        reporter.send("cpu", time.process_time() - started)
        result = dict(self.driver.last or {}, id=task["test"], outcome=outcome, failure=failure)
        reporter.send("result", result)
        finish(reporter)

    def _traced(self, job):
        extra = [message[1:] for message in job.messages if message[0] == "file"]
        results = [message[1] for message in job.messages if message[0] == "result"]
        notes = [message[1] for message in job.messages if message[0] == "note"]
        cpu = [message[1] for message in job.messages if message[0] == "cpu"]
        self.lines.memory = job.shared
        lines = self.lines.lines_of(extra)
        self.lines.memory = self.at_import
        job.shared.close()
        passed = bool(results) and results[-1]["outcome"] == "passed"
        if job.end == "done" and cpu and passed:
            self.nearby.seconds[job.task["test"]] = cpu[-1]
            if not notes and ["reads"] not in job.messages:
                self.nearby.learn(job.task["test"], lines)
        return {
            "e": "traced",
            "id": job.task["id"],
            "end": job.end,
            "result": results[-1] if results else None,
            "lines": lines,
            "cpu": cpu[-1] if cpu and passed else None,
            "note": notes[0] if notes else None,
        }
