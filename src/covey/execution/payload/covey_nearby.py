"""What traced tests ran, kept small: which tests can notice a change, and how long they take. Alone.

PYTEST_DONT_REWRITE

A test that was traced to its end and never ran a line of a function does the same whatever the body of that function
says. A test of which less is known is never left out.
"""

import types
from array import array


class Nearby(object):
    """Filled from traces, read by forks."""

    def __init__(self):
        self.seconds = {}  # test → processor seconds that it took while it was traced
        self.lines = {}  # test → {path: sorted line numbers}

    def learn(self, test, lines):
        """Remember a test that came to its end, all its lines seen."""
        self.lines[test] = {path: array("I", numbers) for path, numbers in lines.items()}

    def enter(self, tests, names, places):
        """Those of ``tests`` (numbers in ``names``) that may run one of ``places``: path → lines, None for any."""
        return [number for number in tests if self._may_run(names[number], places)]

    def _may_run(self, test, places):
        known = self.lines.get(test)
        if known is None:
            return True
        for path, lines in places.items():
            if path in known and (lines is None or not lines.isdisjoint(known[path])):
                return True
        return False


def lines_of(code):
    """Every line that a code object or one nested in it stands on."""
    found = {code.co_firstlineno}
    if hasattr(code, "co_lines"):
        found.update(line for _, _, line in code.co_lines() if line)
    else:
        import dis

        found.update(line for _, line in dis.findlinestarts(code) if line)
    for item in code.co_consts:
        if isinstance(item, types.CodeType):
            found |= lines_of(item)
    return found
