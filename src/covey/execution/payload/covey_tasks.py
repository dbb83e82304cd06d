"""What the fork server's two processes share: tasks in, answers out, and a child's way through its tests.

Python 3.6 and later, alone. PYTEST_DONT_REWRITE
"""

import json
import os
import signal
import time

import covey_child
import covey_source
import covey_swap
from covey_channel import write_all
from covey_pool import limit_memory

FLOOR_S, PATIENCE = 0.1, 5.0  # processor seconds of a test: so many, and so many times what it takes
LOST = 70  # exit status of a server whose collected process is gone


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
    took = task.get("took") or {}
    for at, index in enumerate(order):
        target = at < len(targets)
        if not target and not flipped:
            break
        following = names[order[at + 1]] if at + 1 < len(order) else None
        reporter.send("run", index)
        limit_time(took.get(names[index]))
        outcome, failure = driver.run(names[index], following)
        good = outcome in ("passed", "xpassed") if target else outcome not in ("failed", "error")
        failure = failure or {}
        reporter.send("t", index, good, failure.get("type", outcome), failure.get("message", ""))
        flipped = flipped or good
        if not good and not (target and flipped):
            break


def limit_time(took):
    """Bound the processor time of the next test when it is known how long it takes to pass without the edit.

    Endless loops are common among candidates. Processor time hardly depends on what else the machine does. A test
    that fails may have most of its work still before it, so nothing is known of it.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, 0.0 if took is None else FLOOR_S + PATIENCE * took)


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
