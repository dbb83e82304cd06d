"""pytest plugin that reports every test on Covey's channel. Python 3.6 and later, pytest 3.6 and later, alone.

PYTEST_DONT_REWRITE

Events, one JSON object a line: ``hello``; ``collected`` (ids); ``start`` (id); ``result`` (id, outcome, path,
seconds, failure); ``end`` (status, totals).
"""

import os
import sys

import covey_source
import pytest
from covey_channel import inside, open_channel, tree_root
from covey_failure import describe
from covey_request import chosen, keep_tree_clean, read_request

ADDOPTS_ENV = "COVEY_USER_ADDOPTS"
SEED_ENV = "PYTHONHASHSEED"

# Options of other plugins, set before anybody reads them: one process, the given order, every test, fixed seeds.
CALM = {
    "maxfail": 0,
    "continue_on_collection_errors": True,
    "numprocesses": None,
    "dist": "no",
    "tx": [],
    "looponfail": False,
    "lf": False,
    "failedfirst": False,
    "newfirst": False,
    "stepwise": False,
    "stepwise_skip": False,
    "randomly_reorganize": False,
    "random_order": False,
    "random_order_bucket": "none",
    "usepdb": False,
}


def calm(config):
    """Undo what would make a run parallel, partial or different each time, and nothing else of the user's."""
    for name, value in CALM.items():
        if hasattr(config.option, name):
            setattr(config.option, name, value)
    if hasattr(config.option, "randomly_seed"):
        config.option.randomly_seed = the_seed()


def the_seed():
    """Seed of this run."""
    text = os.environ.get(SEED_ENV) or "0"
    return int(text) if text.isdigit() else 0


def seed_hypothesis():
    """Fix what hypothesis draws, if the tests use it: its own option would import it for everybody."""
    core = sys.modules.get("hypothesis.core")
    if core is not None and getattr(core, "global_force_seed", 0) is None:
        core.global_force_seed = the_seed()


def node_path(node):
    """File of a test or collector."""
    return str(getattr(node, "path", None) or getattr(node, "fspath", None) or "")


def root_of(config):
    """Folder that node ids are relative to."""
    return str(getattr(config, "rootpath", None) or config.rootdir)


def narrow(config, ids):
    """Collect only the files of ``ids``; ids whose file is gone are dropped (they will be missing from the report)."""
    root = root_of(config)
    found = []
    for nodeid in ids:
        path = os.path.join(root, nodeid.partition("::")[0])
        if path not in found and os.path.exists(path):
            found.append(path)
    config.args[:] = found


class Recorder(object):
    """Follows one pytest session and reports through ``emit``; ``brief`` leaves out printed texts."""

    brief = False

    def __init__(self, emit, tree, request):
        self.emit = emit
        self.tree = tree
        self.request = request
        self.states = {}
        self.paths = {}
        self.failures = {}
        self.totals = {}
        self.session = None

    # -- collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session):
        self.session = session
        if self.request.get("tests") is not None:
            narrow(session.config, self.request["tests"])

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, config, items):
        yield
        kept, dropped = [], []
        for item in items:
            (kept if chosen(item.nodeid, self.request, ":/[") else dropped).append(item)
        if dropped:
            items[:] = kept
            config.hook.pytest_deselected(items=dropped)

    def pytest_collection_finish(self, session):
        self.session = session
        seed_hypothesis()
        ids = [item.nodeid for item in session.items]
        for start in range(0, len(ids), 200):
            self.emit({"e": "collected", "ids": ids[start : start + 200]})

    def pytest_exception_interact(self, node, call, report):
        if type(report).__name__ == "CollectReport" and call.excinfo is not None:
            self.paths[node.nodeid] = node_path(node)
            self.failures[node.nodeid] = describe(call.excinfo.value, self.tree, _text(report))

    def pytest_collectreport(self, report):
        if report.outcome == "passed":
            return
        nodeid = report.nodeid or "."
        outcome = "skipped" if report.outcome == "skipped" else "error"
        failure = self.failures.pop(report.nodeid, None)
        if failure is None and outcome == "error":
            failure = {"type": "CollectError", "message": _text(report)[-500:], "frames": [], "text": _text(report)}
        self._result(nodeid, outcome, self.paths.get(report.nodeid), 0.0, failure)

    # -- running

    def pytest_runtest_logstart(self, nodeid, location):
        self.emit({"e": "start", "id": nodeid})

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        self.paths[item.nodeid] = node_path(item)
        if call.excinfo is None or outcome.excinfo is not None:
            return
        report = outcome.get_result()
        if report.outcome == "failed" and item.nodeid not in self.failures:
            text = "" if self.brief else _text(report)
            self.failures[item.nodeid] = describe(call.excinfo.value, self.tree, text, self.brief)

    def pytest_runtest_logreport(self, report):
        nodeid = report.nodeid
        if report.when == "setup" or nodeid not in self.states:
            self.states[nodeid] = {"outcome": None, "seconds": 0.0, "failure": None, "rerun": False}
        state = self.states[nodeid]
        state["seconds"] += getattr(report, "duration", 0.0) or 0.0
        if report.outcome == "rerun":
            state["rerun"] = True
            self.failures.pop(nodeid, None)
        else:
            self._take(state, report)
        if report.when == "teardown":
            self._finish(nodeid)

    def _take(self, state, report):
        outcome = _outcome(report)
        if outcome is None:
            return
        worse = state["outcome"] is None or (
            outcome in ("failed", "error") and state["outcome"] not in ("failed", "error")
        )
        if worse or (state["outcome"] == "passed" and outcome != "passed"):
            state["outcome"] = outcome
        if outcome in ("failed", "error") and state["failure"] is None:
            failure = self.failures.pop(report.nodeid, None)
            if failure is None:  # no exception: a strict xfail that passed
                text = _text(report)
                name = "XPassStrict" if "XPASS" in text else "Failure"
                failure = {"type": name, "message": text[:500], "frames": [], "text": text[:4000]}
            state["failure"] = failure

    def _finish(self, nodeid):
        state = self.states.pop(nodeid)
        self.failures.pop(nodeid, None)
        if state["rerun"]:
            return
        outcome = state["outcome"] or "passed"
        self._result(nodeid, outcome, self.paths.get(nodeid), state["seconds"], state["failure"])

    def _result(self, nodeid, outcome, path, seconds, failure):
        self.totals[outcome] = self.totals.get(outcome, 0) + 1
        self.emit(
            {
                "e": "result",
                "id": nodeid,
                "outcome": outcome,
                "path": inside(path, self.tree) if path else None,
                "seconds": round(seconds, 6),
                "failure": failure,
            }
        )

    # -- the end

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        self.session = session
        for nodeid in list(self.states):
            self._finish(nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config):
        status = getattr(self.session, "exitstatus", None)
        if status is not None:
            self.emit({"e": "end", "status": int(status), "totals": self.totals})


def _text(report):
    try:
        return str(report.longrepr or "")
    except Exception as trouble:
        return "<no text: %s>" % type(trouble).__name__


def _outcome(report):
    """Outcome that one phase gives a test, or None when it decides nothing."""
    expected = hasattr(report, "wasxfail")
    if report.outcome == "failed":
        return "failed" if report.when == "call" else "error"
    if report.outcome == "skipped":
        return "xfailed" if expected else "skipped"
    if report.when == "call" and report.outcome == "passed":
        return "xpassed" if expected else "passed"
    return None


def restore_environment():
    """Give programs that the tests start the user's own options back."""
    given = os.environ.pop(ADDOPTS_ENV, None)
    if given:
        os.environ["PYTEST_ADDOPTS"] = given
    elif given is not None:
        os.environ.pop("PYTEST_ADDOPTS", None)


def pytest_plugin_registered(plugin, manager):
    """Keep measuring and distributing plugins out, whatever the options say."""
    if plugin is sys.modules[__name__]:
        for name in ("_cov", "dsession"):
            manager.set_blocked(name)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config, parser, args):
    """Report a conftest that cannot be imported as a result of its own."""
    outcome = yield
    if outcome.excinfo is None or _recorder is None:
        return
    error = outcome.excinfo[1]
    path = str(getattr(error, "path", "") or "")
    if type(error).__name__ == "ConftestImportFailure":
        relative = inside(path, _recorder.tree) or "conftest.py"
        _recorder._result(relative, "error", path, 0.0, describe(error, _recorder.tree))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Register the recorder."""
    if _recorder is not None:
        calm(config)
        config.pluginmanager.register(_recorder, "covey-recorder")


def _start():
    channel = open_channel()
    restore_environment()
    if channel is None:
        return None
    tree = tree_root()
    covey_source.distrust_bytecode(tree)
    keep_tree_clean()
    request = read_request()
    channel.emit({"e": "hello", "python": list(sys.version_info[:3]), "pytest": pytest.__version__})
    return Recorder(channel.emit, tree, request)


_recorder = None if os.environ.get("COVEY_FORKSERVER") else _start()
