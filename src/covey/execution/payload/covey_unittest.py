"""``python -m unittest`` with results on Covey's channel. Python 3.6 and later, alone; pytest is not needed.

Run as ``python -m covey_unittest ARGS`` with the arguments of ``python -m unittest``.
"""

import os
import sys
import time
import unittest
import unittest.loader

import covey_source
from covey_channel import inside, open_channel, tree_root
from covey_failure import describe
from covey_request import chosen, keep_tree_clean, matches, read_request

NO_TESTS = 5


def keep_import_errors():
    """Let the stand-in for a test module that cannot be imported remember the exception itself."""
    original = unittest.loader._make_failed_import_test

    def make(name, suite_class):
        error = sys.exc_info()[1]
        made = original(name, suite_class)
        for test in made[0]:
            test.covey_error = error
        return made

    unittest.loader._make_failed_import_test = make


def test_name(test):
    """Dotted name of a test; the module's own name for a module that could not be loaded or was skipped."""
    if type(test).__module__ == "unittest.loader" and type(test).__name__ in ("_FailedTest", "ModuleSkipped"):
        return test._testMethodName
    return test.id()


def test_path(test):
    """File of a test's module."""
    module = sys.modules.get(type(test).__module__)
    return getattr(module, "__file__", None)


def place(test):
    """File of a test's module relative to the tree, None outside it."""
    return inside(test_path(test), Recorder.tree)


def flatten(suite):
    """Tests of a suite, in order."""
    try:
        items = iter(suite)
    except TypeError:
        yield suite
        return
    for item in items:
        for test in flatten(item):
            yield test


class Recorder(object):
    """What a TestResult saw, as events. Shared by the unittest and the Django result classes."""

    emit = staticmethod(lambda event: None)
    tree = ""
    totals = None
    suite = ()

    @classmethod
    def report(cls, name, outcome, path, seconds, failure):
        """Report one result."""
        cls.totals[outcome] = cls.totals.get(outcome, 0) + 1
        cls.emit(
            {
                "e": "result",
                "id": name,
                "outcome": outcome,
                "path": inside(path, cls.tree) if path else None,
                "seconds": round(seconds, 6),
                "failure": failure,
            }
        )


class ReportingMixin(object):
    """Added to a TestResult class. One result for each test, sub-tests folded into their test."""

    def startTest(self, test):
        self._covey = {"outcome": None, "failure": None, "start": time.time()}
        Recorder.emit({"e": "start", "id": test_name(test)})
        super(ReportingMixin, self).startTest(test)

    def stopTest(self, test):
        super(ReportingMixin, self).stopTest(test)
        state, self._covey = getattr(self, "_covey", None), None
        if state is None:  # Python 3.12.1 neither starts a skipped test nor leaves it unstopped
            return
        seconds = time.time() - state["start"]
        Recorder.report(test_name(test), state["outcome"] or "failed", test_path(test), seconds, state["failure"])

    def _note(self, test, outcome, err=None):
        failure = None
        if err is not None:
            error = getattr(test, "covey_error", None) or err[1]
            failure = describe(error, Recorder.tree)
        state = getattr(self, "_covey", None)
        if state is None:
            self._outside(test, outcome, failure)
        elif state["outcome"] in (None, "passed") or (outcome == "error" and state["outcome"] == "skipped"):
            state["outcome"], state["failure"] = outcome, failure

    def _outside(self, holder, outcome, failure):
        """Set-up or tear-down of a class or module: its tests do not run, so they get its outcome."""
        name = holder.id()
        kind, _, where = name.partition(" (")
        where = where.rstrip(")")
        tests = []
        if kind in ("setUpClass", "setUpModule"):
            tests = [test for test in Recorder.suite if test_name(test).startswith(where + ".")]
        if isinstance(holder, unittest.TestCase):
            tests = [holder]
        if not tests:
            Recorder.report(name, outcome, None, 0.0, failure)
        for test in tests:
            Recorder.report(test_name(test), outcome, test_path(test), 0.0, failure)

    def addSuccess(self, test):
        self._note(test, "passed")
        super(ReportingMixin, self).addSuccess(test)

    def addError(self, test, err):
        self._note(test, "error", err)
        super(ReportingMixin, self).addError(test, err)

    def addFailure(self, test, err):
        self._note(test, "failed", err)
        super(ReportingMixin, self).addFailure(test, err)

    def addSkip(self, test, reason):
        self._note(test, "skipped")
        super(ReportingMixin, self).addSkip(test, reason)

    def addExpectedFailure(self, test, err):
        self._note(test, "xfailed")
        super(ReportingMixin, self).addExpectedFailure(test, err)

    def addUnexpectedSuccess(self, test):
        self._note(test, "failed")
        self._covey["failure"] = {
            "type": "UnexpectedSuccess",
            "message": "unexpected success",
            "frames": [],
            "text": "",
        }
        super(ReportingMixin, self).addUnexpectedSuccess(test)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._note(test, "failed" if issubclass(err[0], test.failureException) else "error", err)
        super(ReportingMixin, self).addSubTest(test, subtest, err)


def kept(suite, request):
    """The tests of a suite that were asked for, in order. A module that cannot be loaded stands for its tests."""
    wanted = request.get("tests") or ()
    found = []
    for test in flatten(suite):
        name = test_name(test)
        stand_in = type(test).__module__ == "unittest.loader"
        if chosen(name, request, ".", place(test)) or (
            stand_in and any(item.startswith(name + ".") for item in wanted)
        ):
            found.append(test)
    return found


def elsewhere(tests, request):
    """Tests of files and folders that are asked for and that the suite itself does not reach."""
    found = []
    for name in request.get("tests") or ():
        path = os.path.join(Recorder.tree, name)
        if os.path.exists(path) and not any(matches(place(test) or "", [name], "/") for test in tests):
            folder, pattern = (path, "test*.py") if os.path.isdir(path) else os.path.split(path)
            top = folder
            while os.path.exists(os.path.join(top, "__init__.py")):
                top = os.path.dirname(top)
            found.extend(flatten(unittest.TestLoader().discover(folder, pattern, top)))
    return found


def announce(tests):
    """Report which tests will run."""
    names = [test_name(test) for test in tests]
    for start in range(0, len(names), 200):
        Recorder.emit({"e": "collected", "ids": names[start : start + 200]})


class Result(ReportingMixin, unittest.TextTestResult):
    """Text on stderr as usual, events on the channel."""


class Runner(unittest.TextTestRunner):
    """Runs what was asked for."""

    resultclass = Result
    request = None

    def run(self, test):
        request = self.request or {}
        tests = kept(test, request)
        tests += elsewhere(tests, request)
        Recorder.suite = tests
        announce(tests)
        return super(Runner, self).run(unittest.TestSuite(tests))


def start():
    """Open the channel and say hello. Returns what is asked for."""
    channel = open_channel()
    Recorder.tree = tree_root()
    Recorder.totals = {}
    if channel is not None:
        Recorder.emit = staticmethod(channel.emit)
    covey_source.distrust_bytecode(Recorder.tree)
    keep_tree_clean()
    request = read_request()
    Recorder.emit({"e": "hello", "python": list(sys.version_info[:3])})
    return request


def status_of(result):
    """Exit status of a finished run."""
    if not result.wasSuccessful():
        return 1
    return 0 if result.testsRun or result.skipped else NO_TESTS


def main(argv):
    """Run the tests; returns the exit status."""
    Runner.request = start()
    keep_import_errors()
    argv = ["python -m unittest"] + [arg for arg in argv if arg not in ("-f", "--failfast")]
    program = unittest.TestProgram(module=None, argv=argv, testRunner=Runner, exit=False)
    status = status_of(program.result)
    Recorder.emit({"e": "end", "status": status, "totals": Recorder.totals})
    return status


if __name__ == "__main__":
    # Test modules that import this file must meet the module that is running.
    sys.modules["covey_unittest"] = sys.modules["__main__"]
    if os.environ.get("COVEY_FORKSERVER"):
        from covey_forkunittest import serve_main

        sys.exit(serve_main(sys.argv[1:]))
    sys.exit(main(sys.argv[1:]))
