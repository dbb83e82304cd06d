"""What candidates do to the same inputs, side by side. Python 3.6 and later, alone. PYTEST_DONT_REWRITE

A child of the collected process runs tests and keeps the arguments with which the functions are called whose code the
candidates change; it adds inputs that lie near them and lets each candidate, and the code as it is, have them all: in
forks, so that the inputs need no other form than the one they have. A fork that hangs or dies does so for one input
and is followed by another. Each goes over the inputs twice, the second time backwards: what depends on chance, or on
what ran before, shows in a difference and does not count.
"""

import hashlib
import os
import random
import signal
import sys
import time

import covey_source
import covey_swap
from covey_calls import Recorder, inputs_from
from covey_pool import Pool
from covey_tasks import patched
from covey_values import describe, drained

DEATHS = 3  # of one candidate, before its other inputs are left alone
TEST_S = 2.0
CPU_S = 0.25  # of one input; processor time, so that a busy machine decides nothing
WALL_S = 2.0
RECORDING = 0.4  # share of the time
SHOWN = 160
PROGRAM = 71  # exit status of a fork in which a program would have to be started


class Stop(BaseException):
    """A test runs for too long."""


def outcome(call):
    """Call and describe what came of it: kind, digest, text for people."""
    before = [(name, describe(value)[0]) for name, value in call.values()]
    random.seed(0)
    try:
        verb, value = drained(call.run())
        text, whole = describe(value)
        kind, text = "returned" if whole else "opaque", "%s %s" % (verb, text)
    except MemoryError:
        kind, text = "raised", "raises MemoryError"
    except BaseException as error:
        kind, text = "raised", "raises %s" % type(error).__name__
    for (name, old), (_, value) in zip(before, call.values()):
        new = describe(value)[0]
        if new != old:
            text += ", leaves %s as %s" % (name, new)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return kind, digest, text if len(text) <= SHOWN else text[:SHOWN] + "..."


class Probe(object):
    """One comparison, in a child of the collected process. ``hot`` is that process's state."""

    def __init__(self, hot, task, reporter):
        self.hot = hot
        self.task = task
        self.reporter = reporter
        self.end = time.monotonic() + 0.9 * task["seconds"]
        self.guard = None
        self.plans = [self._plan(edits) for edits in task["candidates"]]
        self.job = None

    def _plan(self, edits):
        """How a candidate is put into this process, or why it cannot be."""
        try:
            files = patched({"edits": edits}, self.hot.watch, self.hot.tree)
            # What ran at import may change too: here only what it does from now on is compared.
            return self.hot.plan(edits, files, frozenset()), files
        except (covey_swap.NeedsFresh, covey_swap.Damaged, OSError, ValueError, SyntaxError, RecursionError) as error:
            return str(error), None

    def functions(self):
        """Id of code → live functions, for all code that a candidate changes."""
        found = {}
        for work, files in self.plans:
            for old, _, _ in work if files is not None else ():
                live = [item for item in self.hot.live.get(covey_swap.key_of(old), ()) if item.__code__ == old]
                for function in live:
                    group = found.setdefault(id(function.__code__), [])
                    if function not in group:
                        group.append(function)
        return found

    def run(self, guard):
        """Record, then compare."""
        self.guard = guard
        functions = self.functions()
        recorder = Recorder(functions)
        self._record(recorder)
        guard.need, guard.active = lambda why: os._exit(PROGRAM), True
        groups = [list(calls.values()) for calls in recorder.calls.values() if calls]
        self.inputs = inputs_from(groups, self.task["seed"])
        named = [[self._path(call), text[:SHOWN], call.recorded] for call, text in self.inputs]
        self.reporter.send("inputs", named, recorder.left_out)
        if not self.inputs:
            return
        self.reporter.send("subject", -1, self._twice(None))
        for number, (work, files) in enumerate(self.plans):
            if files is None:
                self.reporter.send("cannot", number, work)
            elif time.monotonic() < self.end:
                try:
                    self.reporter.send("subject", number, self._twice((work, files)))
                except covey_swap.NeedsFresh as error:
                    self.reporter.send("cannot", number, str(error))

    def _path(self, call):
        return os.path.relpath(call.function.__code__.co_filename, self.hot.tree)

    # -- recording

    def _record(self, recorder):
        """Run the tests, each for a while."""

        def ring(number, frame):
            raise Stop

        end = time.monotonic() + RECORDING * self.task["seconds"]
        tests = self.task["tests"]
        signal.signal(signal.SIGALRM, ring)
        for at, test in enumerate(tests):
            left = end - time.monotonic()
            if left <= 0:
                break
            try:
                signal.setitimer(signal.ITIMER_REAL, min(TEST_S, left), 0.2)
                sys.settrace(recorder.trace)
                self.hot.driver.run(test, tests[at + 1] if at + 1 < len(tests) else None)
            except Stop:
                continue
            finally:
                sys.settrace(None)
                _disarm()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, max(1.0, self.end - time.monotonic()) + 2.0)

    # -- comparing

    def _twice(self, subject):
        """Outcomes on all inputs; None where it was not asked, False where twice is not the same."""
        order = list(range(len(self.inputs)))
        forward = self._over(subject, order, {})
        died = {at: found for at, found in forward.items() if found[0] in ("timeout", "crash")}
        backward = self._over(subject, [at for at in reversed(order) if at in forward], died)
        found = []
        for at in order:
            one, two = forward.get(at), backward.get(at)
            if one is None or two is None:
                found.append(None)
            else:
                found.append(one if one[:2] == two[:2] else False)
        return found

    def _over(self, subject, order, known):
        """Outcomes by number of the input, in forks that go over them in ``order``."""
        found = dict(known)
        order = [at for at in order if at not in known]
        deaths = 0
        while order and deaths < DEATHS and time.monotonic() < self.end:
            job = self._fork(subject, order)
            for message in job.messages:
                if message[0] == "cannot":
                    raise covey_swap.NeedsFresh(message[1])
            answers = [message[1:] for message in job.messages if message[0] == "o"]
            for at, answer in zip(order, answers):
                found[at] = answer
            order = order[len(answers) :]
            if job.end == "done" or time.monotonic() >= self.end:
                break
            if order:
                at, order = order[0], order[1:]
                if job.end != "exit:%d" % PROGRAM:
                    how = "timeout" if job.end in ("timeout", "signal:%d" % signal.SIGPROF) else "crash"
                    text = "does not end" if how == "timeout" else "ends the process"
                    found[at] = [how, how, text]
                deaths += 1
        return found

    def _fork(self, subject, order):
        pool = Pool(self._keep, [self.reporter.fd])
        reporter = pool.start(None, max(0.1, self.end - time.monotonic()))
        if reporter is not None:
            self._child(subject, order, reporter)
        while pool.jobs:
            pool.wait([])
        return self.job

    def _keep(self, job):
        self.job = job

    def _child(self, subject, order, reporter):
        try:
            if subject is not None:
                work, files = subject
                covey_swap.swap(work, self.hot.live)
                covey_source.serve({path: new for path, (_, new) in files.items()})
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            for at in order:
                signal.setitimer(signal.ITIMER_PROF, CPU_S)
                signal.setitimer(signal.ITIMER_REAL, WALL_S)
                reporter.send("o", *outcome(self.inputs[at][0]))
            reporter.send("done")
        except covey_swap.NeedsFresh as error:
            reporter.send("cannot", str(error))
        finally:
            os._exit(0)


def _disarm():
    """Stop the alarm, even when it rings meanwhile."""
    while True:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            return
        except Stop:
            continue


def answer_of_probe(job):
    """Condense what a comparing child said."""
    answer = {"e": "probed", "id": job.task["id"], "end": job.end, "inputs": [], "left_out": 0}
    answer["subjects"], answer["cannot"] = [], []
    for message in job.messages:
        if message[0] == "inputs":
            answer["inputs"], answer["left_out"] = message[1:]
        elif message[0] == "subject":
            answer["subjects"].append(message[1:])
        elif message[0] == "cannot":
            answer["cannot"].append(message[1:])
    return answer
