"""The fork server for Django: ``python -m covey_forkdjango manage.py test ARGS``. Python 3.6 and later, alone.

The server waits before the project's settings are imported; the hot process has built the suite and set up the test
databases (an in-memory SQLite database is simply copied by a fork).
"""

import importlib
import os
import runpy
import sys

import covey_source
from covey_channel import open_channel, tree_root
from covey_forkunittest import Driver
from covey_request import keep_tree_clean
from covey_server import Server
from covey_tasks import execute, finish, report_broken
from covey_unittest import Recorder

# Parts of Django that need no settings to be imported: loaded once, before the server waits.
AHEAD = (
    "django.core.management",
    "django.db.models",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.executor",
    "django.forms",
    "django.http",
    "django.template.loader",
    "django.urls",
    "django.views",
    "django.test",
    "django.test.runner",
)

server = None
role = None


def take_role():
    """Become the server. Returns in forks only, once."""
    global role
    if role is None:
        role = ()
        role = server.serve()
        if role[0] == "fresh":
            server.prepare_fresh(role[1], role[2])


def wanted_labels(labels):
    """What a process of this role has to load."""
    if not role or role[0] == "hot":
        return labels
    task = role[1]
    return [server.names[index] for index in (task["regressions"] if task["stage"] == 2 else task["targets"])]


def serve_suite(suite):
    """Take the place of running a suite. Never returns."""
    Recorder.totals = {}
    driver = Driver(suite)
    if role[0] == "hot":
        role[1].serve(driver)
    _, task, reporter = role
    execute(driver, task, server.names, reporter)
    report_broken(reporter)
    finish(reporter)


def gave_up(error):
    """The project cannot be set up or its tests not be loaded."""
    if role and role[0] == "hot":
        role[1].give_up("%s: %s" % (type(error).__name__, error))
    if role and role[0] == "fresh":
        report_broken(role[2])
        task = role[1]
        order = task["regressions"] if task["stage"] == 2 else task["targets"]
        role[2].send("t", order[0] if order else 0, False, type(error).__name__, str(error)[:500])
        finish(role[2])


def main(argv):
    """Run ``manage.py`` in this process."""
    global server
    channel = open_channel()
    tree = Recorder.tree = tree_root()
    covey_source.distrust_bytecode(tree)
    keep_tree_clean()
    covey_source.on_first_project_import(tree, take_role)
    workers = int(os.environ.pop("COVEY_WORKERS", "1"))
    memory = int(os.environ.pop("COVEY_MEMORY", str(1 << 30)))
    os.environ.pop("COVEY_FORKSERVER", None)
    channel.emit({"e": "hello"})
    server = Server(channel, tree, workers, memory)
    for name in AHEAD:
        try:
            importlib.import_module(name)
        except Exception:  # another version, where it does need settings: then it is imported in its own time
            continue
    sys.argv = argv
    sys.path[0] = os.path.dirname(os.path.abspath(argv[0]))
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except BaseException as error:
        gave_up(error)
        raise


if __name__ == "__main__":
    sys.modules["covey_forkdjango"] = sys.modules["__main__"]
    main(sys.argv[1:])
