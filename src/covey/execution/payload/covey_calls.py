"""Calls of functions: recorded while tests run, written as text, varied. Python 3.6 and later, alone.

PYTEST_DONT_REWRITE
"""

import copy
import random

from covey_values import Writer, variants

CALLS = 40  # distinct ones kept of each function
LOOKS = 400  # calls of each function that are looked at
INPUTS = 200


class Call(object):
    """Arguments of one call: by name, then what ``*`` and ``**`` took. What is its own default is left out."""

    def __init__(self, function, named, extra, more, recorded):
        self.function = function
        self.named = named
        self.extra = extra
        self.more = more
        self.recorded = recorded

    def copied(self, recorded=None):
        """Return a call that shares nothing with this one. Raises whatever its values raise."""
        named, extra, more = copy.deepcopy((self.named, self.extra, self.more))
        return Call(self.function, named, extra, more, self.recorded if recorded is None else recorded)

    def run(self):
        """Call the function."""
        code = self.function.__code__
        names = code.co_varnames[: code.co_argcount]
        first = list(names)
        if not self.extra:  # from the first default on by name
            absent = [at for at, name in enumerate(names) if name not in self.named]
            first = list(names[: absent[0]]) if absent else first
        given = [self.named[name] for name in first] + list(self.extra)
        by_name = {name: value for name, value in self.named.items() if name not in first}
        by_name.update(self.more)
        return self.function(*given, **by_name)

    def values(self):
        """Names and values of all arguments that were given."""
        found = list(self.named.items())
        if self.extra:
            found.append(("*", tuple(self.extra)))
        return found + list(self.more.items())

    def text(self):
        """The call as it would be written, and whether that is all of it."""
        writer = Writer()
        code = self.function.__code__
        positional = code.co_varnames[: code.co_argcount]
        name, before, words = self.function.__qualname__.replace("<locals>.", ""), "", []
        in_order = 0
        for place, value in self.values():
            text = writer.text(value)
            follows = positional[in_order : in_order + 1] == (place,)
            in_order += follows
            if place == "self" and positional[:1] == ("self",):
                before = text
            elif place == "*":
                words.append(text[1:-1].rstrip(","))
            else:
                words.append(text if follows else "%s=%s" % (place, text))
        if before:
            name = "%s.%s" % (before, self.function.__name__)
        return "%s(%s)" % (name, ", ".join(words)), not writer.cut


class Recorder(object):
    """Keeps calls of some functions while tests run. ``functions``: id of code → functions that have it."""

    def __init__(self, functions):
        self.functions = functions
        self.calls = {key: {} for key in functions}
        self.looks = dict.fromkeys(functions, 0)
        self.starts = {}
        self.left_out = 0

    def trace(self, frame, event, arg):
        """For ``sys.settrace``: looks at calls only."""
        key = id(frame.f_code)
        if event == "call" and key in self.functions:
            # A generator that goes on looks like a call; where it began the first time is where it begins.
            if self.starts.setdefault(key, frame.f_lasti) == frame.f_lasti:
                self._look(key, frame)

    def _look(self, key, frame):
        found = self.calls[key]
        if len(found) >= CALLS or self.looks[key] >= LOOKS:
            return
        self.looks[key] += 1
        try:
            call = taken(self._function(key, frame), frame)
            text, whole = call.text()
            if text not in found:
                if not whole:
                    raise ValueError("too large")
                found[text] = call.copied()
        except Exception:  # whatever the project's objects do when they are copied
            self.left_out += 1

    def _function(self, key, frame):
        """The live function that runs in a frame: several may share one code, with other closures."""
        for function in self.functions[key]:
            if function.__globals__ is not frame.f_globals:
                continue
            cells = zip(function.__code__.co_freevars, function.__closure__ or ())
            if all(_content(cell) is frame.f_locals.get(name) for name, cell in cells):
                return function
        raise ValueError("made while running")


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:
        return None


def defaults_of(function):
    """Default values by name."""
    code = function.__code__
    given = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    found = dict(zip(names[len(names) - len(given) :], given))
    found.update(function.__kwdefaults__ or {})
    return found


def taken(function, frame):
    """The arguments with which a frame was entered; nothing is copied."""
    code = function.__code__
    place, seen = frame.f_locals, code.co_argcount + code.co_kwonlyargcount
    defaults = defaults_of(function)
    extra, more = (), {}
    if code.co_flags & 0x4:
        extra = place[code.co_varnames[seen]]
    if code.co_flags & 0x8:
        more = place[code.co_varnames[seen + bool(code.co_flags & 0x4)]]
    posonly = getattr(code, "co_posonlyargcount", 0)
    named = {}
    for at, name in enumerate(code.co_varnames[:seen]):
        value = place[name]
        usual = name in defaults and defaults[name] is value
        if not usual or at < posonly or (extra and at < code.co_argcount):
            named[name] = value
    return Call(function, named, tuple(extra), dict(more), True)


def nearby(calls, rng):
    """Yield calls that lie near those recorded, in an order drawn by ``rng``."""
    plans = []
    for call in calls:
        defaults = defaults_of(call.function)
        positional = call.function.__code__.co_varnames[: call.function.__code__.co_argcount]
        for name in dict(defaults, **call.named):
            value = call.named.get(name, defaults.get(name))
            optional = (name in defaults and defaults[name] is None) or any(
                other.named.get(name, 0) is None for other in calls
            )
            others = [other.named[name] for other in calls if name in other.named and other is not call]
            options = variants(value) + ([None] if optional and value is not None else [])
            if others:
                options.append(others[rng.randrange(len(others))])
            # Positional arguments before it must be there when something follows by position.
            if not call.extra or name in call.named or name not in positional:
                plans += [(call, name, option) for option in options]
        for option in variants(tuple(call.extra)) if call.extra else ():
            plans.append((call, None, option))
    rng.shuffle(plans)
    for call, name, option in plans:
        named = dict(call.named) if name is None else dict(call.named, **{name: option})
        yield Call(call.function, named, option if name is None else call.extra, call.more, False)


def inputs_from(groups, seed):
    """Recorded calls and near ones, each sharing nothing with the others; at most :data:`INPUTS`."""
    found = []
    share = max(1, INPUTS // max(1, len(groups)))
    for number, calls in enumerate(groups):
        seen, kept = set(), []
        rng = random.Random("%s/%d" % (seed, number))
        for source in (calls, nearby(calls, rng)):
            for call in source:
                if len(kept) >= share:
                    break
                try:
                    text, whole = call.text()
                    if whole and text not in seen:
                        seen.add(text)
                        kept.append((call.copied(), text))
                except Exception:
                    continue
        found += kept
    return found
