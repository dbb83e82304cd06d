"""Values as text that is the same in every process, and values that are nearly the same.

Python 3.6 and later, alone. PYTEST_DONT_REWRITE

No ``__repr__`` of the project runs: objects are taken apart as :mod:`pickle` would, and nothing is kept that differs
from one equal run to the next (addresses, the order of sets, the last digits of floats).
"""

import asyncio
import collections.abc
import copy
import copyreg
import enum
import hashlib
import inspect
import itertools
import types

NODES = 3000
DEPTH = 30
STRING = 2000
ITEMS = 100  # drawn from an iterator at most
ATOMS = (type(None), bool, type(Ellipsis), type(NotImplemented))
NAMED = (types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type)


class Writer(object):
    """Writes one value. ``cut``: it was too large; ``opaque``: it was, or something in it cannot be looked into."""

    def __init__(self, nodes=NODES):
        self.left = nodes
        self.cut = False
        self.opaque = False
        self.above = set()

    def text(self, value):
        """Return ``value`` as text; two values with the same text, neither opaque, are the same."""
        self.left -= 1
        if self.left < 0:
            self.cut = self.opaque = True
            return "..."
        kind = type(value)
        if kind in ATOMS:
            return repr(value)
        if kind is int:
            return repr(value) if value.bit_length() < 4000 else hex(value)
        if kind is float:
            return _float(value)
        if kind is str or kind is bytes:
            return _string(value)
        if isinstance(value, NAMED):
            return self._name(value)
        if id(value) in self.above:
            return "..."
        if len(self.above) > DEPTH:
            self.cut = self.opaque = True
            return "..."
        self.above.add(id(value))
        try:
            return self._inside(value, kind)
        finally:
            self.above.discard(id(value))

    def _inside(self, value, kind):
        if kind is list:
            return "[%s]" % self._all(value)
        if kind is tuple:
            return "(%s,)" % self.text(value[0]) if len(value) == 1 else "(%s)" % self._all(value)
        if kind is dict:
            return "{%s}" % self._pairs(value.items())
        if kind is set or kind is frozenset:
            return "%s({%s})" % (kind.__name__, ", ".join(sorted(self._each(value))))
        if isinstance(value, types.MethodType):
            return "%s of %s" % (value.__name__, self.text(value.__self__))
        if isinstance(value, enum.Enum) and value._name_:
            return "%s.%s" % (kind.__name__, value._name_)
        if kind.__module__ == "datetime":
            return repr(value)
        return self._taken_apart(value, kind)

    def _each(self, items):
        """Texts of items, up to the first that is too much."""
        for item in items:
            yield self.text(item)
            if self.cut:
                return

    def _all(self, items):
        return ", ".join(self._each(items))

    def _pairs(self, items):
        words = []
        for key, item in items:
            words.append("%s: %s" % (self.text(key), self.text(item)))
            if self.cut:
                break
        return ", ".join(words)

    def _name(self, value):
        name = getattr(value, "__qualname__", value.__name__)
        if "<" in name:  # functions made while running differ although their names do not
            self.opaque = True
            name = name.rpartition(".")[2]
        return name

    def _taken_apart(self, value, kind):
        try:
            maker = copyreg.dispatch_table.get(kind)
            parts = maker(value) if maker is not None else value.__reduce_ex__(2)
        except Exception:
            self.opaque = True
            return "<%s>" % kind.__name__
        if not isinstance(parts, tuple):
            return "<%s %s>" % (kind.__name__, parts)
        make, given, state, items, pairs = (tuple(parts) + (None, None, None))[:5]
        if make is copyreg.__newobj__:
            given = given[1:]
        words = [self.text(item) for item in given]
        words += self._state(state)
        if items is not None:
            words.append("[%s]" % self._all(items))
        if pairs is not None:
            words.append("{%s}" % self._pairs(pairs))
        return "%s(%s)" % (kind.__name__, ", ".join(words))

    def _state(self, state):
        both = state if isinstance(state, tuple) and len(state) == 2 else (state,)
        if not all(part is None or isinstance(part, dict) for part in both):
            return [self.text(state)]
        named = {str(name): item for part in both if part for name, item in part.items()}
        return ["%s=%s" % (name, self.text(named[name])) for name in sorted(named)]


def _float(value):
    text = "%.12g" % (value + 0.0)
    return text if any(letter in text for letter in ".einf") else text + ".0"


def _string(value):
    if len(value) <= STRING:
        return repr(value)
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return "%r... (%d, %s)" % (value[:40], len(value), hashlib.sha256(data).hexdigest())


def describe(value):
    """Return the text of a value, and whether it was looked at to its end."""
    writer = Writer()
    return writer.text(value), not writer.opaque


def drained(value):
    """Run what was only begun: coroutines to their end, iterators for some items. Returns a verb and the value."""
    if inspect.iscoroutine(value):
        return "returns", _run(value)
    if hasattr(types, "AsyncGeneratorType") and isinstance(value, types.AsyncGeneratorType):
        return _yielded(_run(_gathered(value)))
    if isinstance(value, collections.abc.Iterator) and not hasattr(value, "close") or inspect.isgenerator(value):
        return _yielded(_gather(value))
    return "returns", value


def _run(coroutine):
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


def _gather(iterator):
    found = []
    try:
        for item in itertools.islice(iterator, ITEMS):
            found.append(item)
    except Exception as error:
        return found, error
    return found, None


async def _gathered(generator):
    found = []
    try:
        while len(found) < ITEMS:
            found.append(await generator.__anext__())
    except StopAsyncIteration:
        pass
    except Exception as error:
        return found, error
    return found, None


def _yielded(found):
    items, error = found
    if error is None:
        return "yields", items
    return "raises %s after" % type(error).__name__, items


def variants(value):
    """Values of the same type that lie near ``value``: the edges where repairs tend to differ."""
    kind = type(value)
    if kind is bool:
        return [not value]
    if kind is int:
        return [value + 1, value - 1, 0, -value, value + 2, value + 10, value * 100 + 7]
    if kind is float:
        return [value + 1.0, value - 1.0, 0.0, -value, value * 1e3 + 0.5]
    if kind is str:
        return [value[:0], value[:1], value + value, value[::-1], value.swapcase(), " " + value, value[:-1]]
    if kind is bytes:
        return [value[:0], value[:1], value + value, value[::-1]]
    if kind is list or kind is tuple:
        return _sequences(value, kind)
    if kind is dict:
        pairs = list(value.items())
        found = [{}, dict(pairs[:1]), dict(pairs[1:]), dict(pairs[::-1])]
        return found + [dict([(key, other)] + pairs[1:]) for key, item in pairs[:1] for other in variants(item)[:3]]
    if kind is set or kind is frozenset:
        items = sorted(value, key=lambda item: describe(item)[0])
        return [kind(), kind(items[:1]), kind(items[1:])]
    return _one_attribute(value)


def _sequences(value, kind):
    found = [kind(), value[:1], value + value, value[::-1], value[:-1], value[1:]]
    for at in sorted({0, len(value) - 1}) if value else ():
        found += [value[:at] + kind([other]) + value[at + 1 :] for other in variants(value[at])[:3]]
    return found


def _one_attribute(value):
    """An object that holds a single container may hold another; more attributes may have to fit each other."""
    state = getattr(value, "__dict__", None)
    if type(state) is not dict or len(state) != 1 or isinstance(value, NAMED):
        return []
    ((name, held),) = state.items()
    found = []
    for other in variants(held) if isinstance(held, (list, dict, set, tuple)) else ():
        made = copy.copy(value)
        made.__dict__[name] = other
        found.append(made)
    return found
