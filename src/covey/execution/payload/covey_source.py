"""Where Python reads the project's source from. Python 3.6 and later, alone.

PYTEST_DONT_REWRITE

Cached bytecode inside the tree is never believed: it is checked by time and size only, and an edit may keep both.
A candidate's version of a file can be served in place of the one on disk, whoever imports it.
"""

import importlib
import io
import linecache
import marshal
import os
import sys
from importlib.machinery import SourceFileLoader

_external = sys.modules.get("importlib._bootstrap_external") or importlib._bootstrap_external

_state = {
    "tree": None,
    "served": {},  # real path → bytes
    "broken": [],
    "waiting": None,
    "kept": None,  # path → marshalled code, while it is being gathered
    "code": {},  # path → marshalled code, to be used
    "edited": frozenset(),
}


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
    _install()
    try:
        from _pytest.assertion import rewrite
    except ImportError:
        return
    if hasattr(rewrite, "_read_pyc"):
        rewrite._read_pyc = lambda *args, **options: None
    if hasattr(rewrite, "_rewrite_test"):
        rewrite._rewrite_test = _remembering(rewrite._rewrite_test)


def _remembering(rewrite_test):
    """Keep and use code of pytest's rewritten modules as well. Its arguments changed places over the years."""

    def covey_rewrite_test(*args):
        path = str([item for item in args if not hasattr(item, "pluginmanager")][0])
        code = _known_code(path)
        if code is not None:
            return os.stat(path), code
        trace = sys.gettrace()
        sys.settrace(None)  # no code of the project runs in there, and to trace it would double its time
        try:
            found = rewrite_test(*args)
        finally:
            sys.settrace(trace)
        if found and found[1] is not None:
            _keep_code(path, found[1])
        return found

    return covey_rewrite_test


def keep_code():
    """Remember the code of the tree's modules from now on. Returns the growing mapping."""
    _state["kept"] = {}
    return _state["kept"]


def stop_keeping():
    """Forget it again."""
    _state["kept"] = None


def use_code(code, edited):
    """Use remembered code instead of compiling, except for ``edited`` files (real paths)."""
    _state["code"] = code
    _state["edited"] = frozenset(edited)


def _known_code(path):
    data = _state["code"].get(path)
    if data is None or os.path.realpath(path) in _state["edited"]:
        return None
    return marshal.loads(data)


def _keep_code(path, code):
    if _state["kept"] is not None and path.startswith(_state["tree"] + os.sep):
        _state["kept"][path] = marshal.dumps(code)


def serve(files):
    """Serve ``files`` (real path → bytes) to every later import in this process, and to tracebacks."""
    _state["served"].update(files)
    for path, data in files.items():
        lines = io.StringIO(_decode(data)).readlines()
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
    get_code = SourceFileLoader.get_code

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

    def covey_get_code(self, fullname):
        path = getattr(self, "path", None) or ""
        code = _known_code(path)
        if code is None:
            code = get_code(self, fullname)
            if code is not None:
                _keep_code(path, code)
        return code

    SourceFileLoader.get_code = covey_get_code
    SourceFileLoader.get_data = covey_get_data
    SourceFileLoader.exec_module = covey_exec_module
    SourceFileLoader._covey = True
