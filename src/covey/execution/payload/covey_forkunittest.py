"""The fork server for ``unittest``: waits before discovery, serves after it. Python 3.6 and later, alone."""

import os
import unittest

import covey_source
from covey_channel import open_channel, tree_root
from covey_request import keep_tree_clean
from covey_server import Server
from covey_tasks import execute, finish, report_broken
from covey_unittest import Recorder, Result, flatten, keep_import_errors, test_name

_role = None
_server = None


class Quiet(object):
    """A stream that forgets."""

    def write(self, text):
        """Forget."""

    writeln = write

    def flush(self):
        """Do nothing."""

    def isatty(self):
        """Never."""
        return False


class Driver(object):
    """Runs loaded tests one by one."""

    def __init__(self, suite):
        self.tests = {}
        self.last = None
        for test in flatten(suite):
            self.tests.setdefault(test_name(test), test)

    def hurry(self):
        """Nothing to spare: texts are not printed."""

    def has(self, name):
        """Can ``name`` be run as it is?"""
        test = self.tests.get(name)
        return test is not None and type(test).__name__ != "_FailedTest"

    def run(self, name, following):
        """Run a test, or all tests of a module or class. Returns outcome and failure."""
        chosen = [self.tests[name]] if name in self.tests else []
        chosen = chosen or [test for found, test in self.tests.items() if found.startswith(name + ".")]
        if not chosen:
            self.last = None
            return "error", {"type": "NotCollected", "message": "The test is not found."}
        for test in chosen:
            events = []
            Recorder.emit = staticmethod(events.append)
            Recorder.suite = [test]
            result = Result(Quiet(), False, 0)
            result.buffer = False
            unittest.TestSuite([test]).run(result)
            results = [event for event in events if event["e"] == "result"]
            if not results:
                return "error", {"type": "NoResult", "message": "unittest reported nothing about the test."}
            bad = [event for event in results if event["outcome"] in ("failed", "error")]
            self.last = bad[0] if bad else results[-1]
            if self.last["outcome"] not in ("passed", "xpassed") and len(chosen) > 1:
                break
        return self.last["outcome"], self.last["failure"]


class Narrow(unittest.TestLoader):
    """Discovers only the modules that may hold the wanted tests."""

    def __init__(self, wanted):
        super(Narrow, self).__init__()
        self.wanted = wanted

    def _match_path(self, path, full_path, pattern):
        if not super(Narrow, self)._match_path(path, full_path, pattern):
            return False
        name = self._get_name_from_path(full_path)
        return any(test == name or test.startswith(name + ".") for test in self.wanted)


class Program(unittest.TestProgram):
    """``unittest.main`` that waits before it loads and serves instead of running."""

    def createTests(self, *args, **options):
        take_role()
        if _role[0] == "fresh":
            task = _role[1]
            indexes = task["regressions"] if task["stage"] == 2 else task["targets"]
            wanted = [_server.names[index] for index in indexes]
            whole, self.testLoader = self.testLoader, Narrow(wanted)
            super(Program, self).createTests(*args, **options)
            found = set(map(test_name, flatten(self.test)))
            if all(name in found for name in wanted):
                return
            self.testLoader = whole  # a test that is defined elsewhere than where it is found
        super(Program, self).createTests(*args, **options)

    def runTests(self):
        Recorder.totals = {}
        driver = Driver(self.test)
        if _role[0] == "hot":
            _role[1].serve(driver)
        _, task, reporter = _role
        execute(driver, task, _server.names, reporter)
        report_broken(reporter)
        finish(reporter)


def take_role():
    """Become the server. Returns in forks only, once."""
    global _role
    if _role is None:
        _role = ()
        _role = _server.serve()
        if _role[0] == "fresh":
            _server.prepare_fresh(_role[1], _role[2])


def serve_main(argv):
    """Run the server; never returns."""
    global _server
    channel = open_channel()
    tree = Recorder.tree = tree_root()
    covey_source.distrust_bytecode(tree)
    keep_tree_clean()
    covey_source.on_first_project_import(tree, take_role)
    workers = int(os.environ.pop("COVEY_WORKERS", "1"))
    memory = int(os.environ.pop("COVEY_MEMORY", str(1 << 30)))
    os.environ.pop("COVEY_FORKSERVER", None)
    channel.emit({"e": "hello"})
    _server = Server(channel, tree, workers, memory)
    keep_import_errors()
    argv = ["python -m unittest"] + [arg for arg in argv if arg not in ("-f", "--failfast")]
    try:
        Program(module=None, argv=argv, exit=False)
    except BaseException as error:
        if _role and _role[0] == "hot":
            _role[1].give_up("%s: %s" % (type(error).__name__, error))
        if _role and _role[0] == "fresh":
            _role[2].send("broken", type(error).__name__, str(error)[:500])
            finish(_role[2])
        raise
    return 2
