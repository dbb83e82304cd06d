"""Which tests are asked for. Python 3.6 and later, alone.

PYTEST_DONT_REWRITE
"""

import json
import os
import tempfile

REQUEST_ENV = "COVEY_REQUEST"


def read_request():
    """Read the request from standard input, which is empty afterwards. ``{}`` when there is none."""
    if os.environ.pop(REQUEST_ENV, None) != "stdin":
        return {}
    with os.fdopen(os.dup(0), "rb") as stream:
        data = stream.read()
    empty_stdin()
    return json.loads(data.decode("utf-8")) if data else {}


def empty_stdin():
    """Let descriptor 0 be the null device."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def matches(name, wanted, separators):
    """Is a test meant by one of ``wanted``: by its own name or by that of something that holds it?

    ``separators`` end a prefix: ``"."`` for dotted names, ``":/["`` for pytest's node ids.
    """
    if name in wanted:
        return True
    return any(name[at] in separators and name[:at] in wanted for at in range(1, len(name)))


def chosen(name, request, separators, path=None):
    """Is a test asked for by ``tests`` (None: all) and not left out by ``deselect``?

    ``path`` is its file, relative to the tree, for frameworks whose names do not begin with it.
    """

    def meant(wanted):
        return matches(name, wanted, separators) or bool(path and matches(path, wanted, "/"))

    tests = request.get("tests")
    if tests is not None and not meant(request.setdefault("_tests", frozenset(tests))):
        return False
    deselect = request.get("deselect")
    return not deselect or not meant(request.setdefault("_deselect", frozenset(deselect)))


def keep_tree_clean():
    """Let hypothesis keep its notes outside the tree."""
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(tempfile.gettempdir(), "covey-hypothesis"))
