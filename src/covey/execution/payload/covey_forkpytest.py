"""pytest plugin that turns a session into the fork server. Python 3.6 and later, pytest 3.6 and later, alone.

PYTEST_DONT_REWRITE

The server waits before the first conftest (or earlier, if a plugin is part of the project); the hot process takes
the place of pytest's own loop over the tests.
"""

import os
import sys

import covey_source
import pytest
from covey_channel import open_channel, tree_root
from covey_failure import describe
from covey_pytest import Recorder, calm, narrow, restore_environment
from covey_request import keep_tree_clean
from covey_server import Server
from covey_tasks import execute, finish, report_broken

_role = None


class Driver(object):
    """Runs collected items one by one."""

    def __init__(self, session, recorder):
        self.recorder = recorder
        self.last = None
        self.tests = {}
        self.option = session.config.option
        for item in session.items:
            self.tests[item.nodeid] = item
        self.failed = {event["id"]: event for event in recorder.events if event["e"] == "result"}

    def settle(self):
        """Have pytest remember what it would find out anew in every fork."""
        for item in self.tests.values():
            item.location  # noqa: B018 - a cached property

    def hurry(self):
        """Spend nothing on the text of failures."""
        self.option.tbstyle = "native"
        self.recorder.brief = True
        if hasattr(pytest.Item, "_repr_failure_py"):
            pytest.Item._repr_failure_py = lambda item, excinfo, style=None: excinfo.typename

    def has(self, name):
        """Can ``name`` be run as it is?"""
        return name in self.tests

    def members(self, name):
        """Tests inside a file, class or function."""
        return [item for nodeid, item in self.tests.items() if nodeid.startswith((name + "::", name + "["))]

    def run(self, name, following):
        """Run a test, or all tests of a collector. Returns outcome and failure."""
        if name in self.failed:
            self.last = self.failed[name]
            return self.last["outcome"], self.last["failure"]
        items = [self.tests[name]] if name in self.tests else self.members(name)
        if not items:
            self.last = None
            return "error", {"type": "NotCollected", "message": "The test is not collected."}
        then = self.tests.get(following)
        for at, item in enumerate(items):
            outcome, failure = self._item(item, items[at + 1] if at + 1 < len(items) else then)
            if outcome not in ("passed", "xpassed") and len(items) > 1:
                break
        return outcome, failure

    def _item(self, item, following):
        del self.recorder.events[:]
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        for event in reversed(self.recorder.events):
            if event["e"] == "result" and event["id"] == item.nodeid:
                self.last = event
                return event["outcome"], event["failure"]
        self.last = None
        return "error", {"type": "NoResult", "message": "pytest reported nothing about the test."}


class Collecting(Recorder):
    """Keeps events in this process."""

    def __init__(self, tree):
        self.events = []
        super(Collecting, self).__init__(self.events.append, tree, {})

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session):
        self.session = session
        if _role[0] == "fresh":
            task = _role[1]
            wanted = task["regressions"] if task["stage"] == 2 else task["targets"]
            narrow(session.config, [_server.names[index] for index in wanted])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        driver = Driver(session, self)
        if _role[0] == "hot":
            _role[1].serve(driver)
        _, task, reporter = _role
        driver.hurry()
        report_broken(reporter)
        execute(driver, task, _server.names, reporter)
        report_broken(reporter)
        finish(reporter)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session, exitstatus):
        _stopped("Stopped", "pytest ended before it ran a test (status %d)." % int(exitstatus))

    def pytest_unconfigure(self, config):
        return


def _stopped(kind, message):
    """pytest ends before the loop over the tests: the project cannot be collected."""
    if _role is None:
        return
    if _role[0] == "hot":
        _role[1].give_up(message)
    _, task, reporter = _role
    report_broken(reporter)
    order = task["regressions"] if task["stage"] == 2 else task["targets"]
    reporter.send("t", order[0] if order else 0, False, kind, message)
    finish(reporter)


def take_role():
    """Become the server. Returns in forks only, once."""
    global _role
    if _role is None:
        _role = ()
        _role = _server.serve()
        if _role[0] == "fresh":
            _server.prepare_fresh(_role[1], _role[2])


def pytest_plugin_registered(plugin, manager):
    """Keep measuring and distributing plugins out, whatever the options say."""
    if plugin is sys.modules[__name__]:
        for name in ("_cov", "dsession"):
            manager.set_blocked(name)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config, parser, args):
    """Wait here; report a conftest that cannot be imported."""
    if _server is not None:
        take_role()
    outcome = yield
    if outcome.excinfo is not None and _role:
        error = outcome.excinfo[1]
        found = describe(error, _server.tree)
        _stopped(found["type"], found["message"])


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Register the recorder."""
    if _server is not None:
        calm(config)
        config.pluginmanager.register(Collecting(_server.tree), "covey-recorder")


def _start():
    channel = open_channel()
    restore_environment()
    if channel is None:
        return None
    tree = tree_root()
    covey_source.distrust_bytecode(tree)
    keep_tree_clean()
    covey_source.on_first_project_import(tree, take_role)
    workers = int(os.environ.pop("COVEY_WORKERS", "1"))
    memory = int(os.environ.pop("COVEY_MEMORY", str(1 << 30)))
    os.environ.pop("COVEY_FORKSERVER", None)
    channel.emit({"e": "hello"})
    return Server(channel, tree, workers, memory)


_server = _start()
