"""Where Python reads the project's source from. Python 3.6 and later, alone.

PYTEST_DONT_REWRITE

Cached bytecode inside the tree is never believed: it is checked by time and size only, and an edit may keep both.
A candidate's version of a file can be served in place of the one on disk, whoever imports it.
"""

import importlib
import linecache
import os
import sys
from importlib.machinery import SourceFileLoader

_external = sys.modules.get("importlib._bootstrap_external") or importlib._bootstrap_external

_state = {"tree": None, "served": {}, "broken": [], "waiting": None}


def distrust_bytecode(tree):
    """Neither read nor write bytecode for files below ``tree`` in this process."""
    if _state["tree"] is not None:
        return
    _state["tree"] = tree
    prefix = tree + os.sep
    original = _external.cache_from_source

    def cache_from_source(path, *args, **options):
        full = os.path.abspath(os.fspath(path))
        if full.startswith(prefix) and "site-packages" not in full[len(prefix) :]:
            raise NotImplementedError("bytecode of the tree is not used")
        return original(path, *args, **options)

    _external.cache_from_source = cache_from_source
    try:
        from _pytest.assertion import rewrite
    except ImportError:
        return
    if hasattr(rewrite, "_read_pyc"):
        rewrite._read_pyc = lambda *args, **options: None


def serve(files):
    """Serve ``files`` (real path → bytes) to every later import in this process, and to tracebacks."""
    _state["served"].update(files)
    for path, data in files.items():
        lines = [line + "\n" for line in _decode(data).split("\n")]
        linecache.cache[path] = (len(data), None, lines, path)
    _install()


def on_first_project_import(tree, call):
    """Call ``call`` once, just before the first file below ``tree`` is loaded by the ordinary import system."""
    _state["waiting"] = (tree + os.sep, call)
    _install()


def broken():
    """Served files whose module raised while it was imported, with the exception."""
    return _state["broken"]


def _decode(data):
    return importlib.util.decode_source(data)


def _install():
    if getattr(SourceFileLoader, "_covey", False):
        return
    get_data = SourceFileLoader.get_data
    exec_module = SourceFileLoader.exec_module

    def covey_get_data(self, path):
        waiting = _state["waiting"]
        if waiting is not None and os.path.abspath(path).startswith(waiting[0]):
            _state["waiting"] = None
            waiting[1]()
        if _state["served"]:
            data = _state["served"].get(os.path.realpath(path))
            if data is not None:
                return data
        return get_data(self, path)

    def covey_exec_module(self, module):
        try:
            return exec_module(self, module)
        except BaseException as error:
            served = _state["served"]
            if served and os.path.realpath(getattr(self, "path", "") or "") in served:
                _state["broken"].append((self.path, error))
            raise

    SourceFileLoader.get_data = covey_get_data
    SourceFileLoader.exec_module = covey_exec_module
    SourceFileLoader._covey = True
