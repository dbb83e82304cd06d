"""Which lines run. ``sys.monitoring`` from Python 3.12 on, ``sys.settrace`` before. Alone.

PYTEST_DONT_REWRITE

Lines are marked in memory shared with the process that forked the one measured, so that what a test reached is known
however it ends.
"""

import dis
import mmap
import sys
import threading

from covey_channel import inside

SIZE = 4 << 20
MONITORING = getattr(sys, "monitoring", None)


class Lines(object):
    """One byte for each line of each file of the tree that runs, and the functions that were entered."""

    def __init__(self, root):
        self.root = root
        self.memory = mmap.mmap(-1, SIZE)
        self.files = {}  # co_filename → (first byte, lines) or None
        self.names = {}  # relative path → co_filename
        self.cursor = 0
        self.entered = set()
        self.note = None  # called with (path, first byte, lines) for files first met in a fork
        self.blind = False
        self.tool = None
        self.trace = None
        self.codes = {}  # id → code that was entered while only calls were watched

    def place(self, filename):
        """Return ``(first byte, lines)`` of a file, None when it is not the tree's."""
        try:
            return self.files[filename]
        except KeyError:
            pass
        found = None
        relative = inside(filename, self.root)
        if relative is not None:
            lines = _count_lines(filename) + 2
            if self.cursor + lines <= SIZE:
                found = (self.cursor, lines)
                self.cursor += lines
                self.names.setdefault(relative, []).append(filename)
                if self.note is not None:
                    self.note(relative, found[0], lines)
        self.files[filename] = found
        return found

    def lines(self):
        """Lines marked so far: path → sorted numbers."""
        found = {}
        for relative, filenames in self.names.items():
            for filename in filenames:
                start, count = self.files[filename]
                self._collect(found, relative, start, count)
        return found

    def _collect(self, found, relative, start, count):
        part = self.memory[start : start + count]
        if part.count(b"\x01"):
            numbers = set(found.get(relative, ()))
            numbers.update(number for number, hit in enumerate(part) if hit and number)
            found[relative] = sorted(numbers)

    def lines_of(self, extra):
        """Like :meth:`lines`, with the files that a fork met first: ``[path, first byte, lines]``."""
        found = self.lines()
        for relative, start, count in extra:
            self._collect(found, relative, start, count)
        return found

    def fork_view(self):
        """Fresh memory for one child; the layout so far stays."""
        self.memory = mmap.mmap(-1, SIZE)
        return self.memory

    # -- measuring

    def start(self, only_calls=False):
        """Mark lines from now on, in every thread.

        With ``only_calls`` code counts as run, all of its lines, once it is entered: where each line would have to be
        traced, to import a project takes a multiple of its time.
        """
        if MONITORING is not None:
            self._start_monitoring()
        else:
            self.trace = self._call_tracer() if only_calls else self._tracer()
            threading.settrace(self.trace)
            sys.settrace(self.trace)

    def stop(self):
        """Stop marking. ``blind`` is set when somebody else took the tracing over meanwhile."""
        if MONITORING is not None:
            if self.tool is None:
                self.blind = True
            else:
                MONITORING.set_events(self.tool, 0)
        else:
            self.blind = self.blind or sys.gettrace() is not self.trace
            sys.settrace(None)
            threading.settrace(None)
            self._mark_entered()

    def alive(self):
        """Is this thread still being measured? A test may take the tracing over, or end it by a deep recursion."""
        if MONITORING is not None:
            return self.tool is not None and MONITORING.get_tool(self.tool) == "covey"
        return sys.gettrace() is self.trace

    def _start_monitoring(self):
        events = MONITORING.events
        if self.tool is None:
            for tool in (4, 3, 0, 5):
                try:
                    MONITORING.use_tool_id(tool, "covey")
                except ValueError:
                    continue
                self.tool = tool
                break
            else:
                return
            MONITORING.register_callback(self.tool, events.PY_START, self._on_start)
            MONITORING.register_callback(self.tool, events.LINE, self._on_line)
        MONITORING.restart_events()
        MONITORING.set_events(self.tool, events.PY_START | events.LINE)

    def _on_start(self, code, offset):
        place = self.place(code.co_filename)
        if place is not None:
            self.entered.add((code.co_filename, code.co_firstlineno, code.co_name))
        return MONITORING.DISABLE

    def _on_line(self, code, line):
        place = self.place(code.co_filename)
        if place is not None and line < place[1]:
            self.memory[place[0] + line] = 1
        return MONITORING.DISABLE

    def _call_tracer(self):
        """Make a function for ``sys.settrace`` that notices which code of the tree is entered, and nothing else."""
        place, entered, codes, known = self.place, self.entered, self.codes, self.files

        def trace(frame, event, arg):
            code = frame.f_code
            filename = code.co_filename
            if (known[filename] if filename in known else place(filename)) is not None and id(code) not in codes:
                codes[id(code)] = code
                entered.add((filename, code.co_firstlineno, code.co_name))

        return trace

    def _mark_entered(self):
        for code in self.codes.values():
            start, count = self.files[code.co_filename]
            for line in own_lines(code):
                if line < count:
                    self.memory[start + line] = 1
        self.codes = {}

    def _tracer(self):
        """Make the function for ``sys.settrace``: most calls are not the tree's, and it sees them all."""
        place, entered, known, marks = self.place, self.entered, self.files, {}

        def trace(frame, event, arg):
            code = frame.f_code
            filename = code.co_filename
            found = known[filename] if filename in known else place(filename)
            if found is None:
                return None
            mark = marks.get(id(code))
            if mark is None:
                entered.add((filename, code.co_firstlineno, code.co_name))
                mark = marks[id(code)] = Marker(self.memory, found, code)
            return mark.trace if mark.left else None

        return trace


class Marker(object):
    """Marks the lines of one code object, until all of them have run; from then on it costs a call nothing more."""

    def __init__(self, memory, place, code):
        self.memory = memory
        self.start, self.count = place
        self.code = code  # kept, so that no other gets its id
        first = code.co_firstlineno  # a header is no line that runs, unless there is no other
        self.left = own_lines(code) - {first} or {first}

    def trace(self, frame, event, arg):
        """For ``sys.settrace``: the function that sees a frame's lines."""
        if event == "line":
            line = frame.f_lineno
            if line < self.count:
                self.memory[self.start + line] = 1
            self.left.discard(line)
        if self.left:
            return self.trace
        frame.f_trace = None
        return None


def own_lines(code):
    """Lines that a code object has instructions for; those nested in it are not its own."""
    if hasattr(code, "co_lines"):
        return {line for _, _, line in code.co_lines() if line}
    return {line for _, line in dis.findlinestarts(code) if line}


def _count_lines(filename):
    try:
        with open(filename, "rb") as stream:
            return stream.read().count(b"\n") + 1
    except OSError:
        return 0
