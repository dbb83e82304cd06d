"""A small project with every kind of code that a running process keeps alive in its own way, and mutants of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from covey.core.patch import Candidate, Edit

ZOO: dict[str, str] = {
    "zoo/__init__.py": '''"""The zoo."""

from zoo.consts import LIMIT, NAMES, scaled

__all__ = ["LIMIT", "NAMES", "scaled"]
''',
    "zoo/consts.py": """LIMIT = 10
NAMES = ("ant", "bee", "cat")
TABLE = {name: len(name) + 1 for name in NAMES}


def scaled(value, factor=2, *, offset=1):
    return value * factor + offset


SCALED_LIMIT = scaled(LIMIT)
""",
    "zoo/deco.py": """import functools


def counted(times):
    def around(function):
        @functools.wraps(function)
        def wrapper(*args, **options):
            wrapper.calls += 1
            return function(*args, **options) * times

        wrapper.calls = 0
        return wrapper

    return around


@counted(3)
def tripled(x):
    return x + 1


@functools.lru_cache(maxsize=None)
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


@functools.singledispatch
def describe(value):
    return "thing"


@describe.register(int)
def _(value):
    return "int %d" % (value + 0)


@describe.register(list)
def _(value):
    return "list of %d" % len(value)
""",
    "zoo/gens.py": """import contextlib

from zoo import LIMIT


def numbers(start=0):
    current = start
    while current < LIMIT:
        yield current
        current += 2


def pairs(items):
    return [(index + 1, item) for index, item in enumerate(items)]


@contextlib.contextmanager
def opened(log):
    log.append("open")
    try:
        yield len(log)
    finally:
        log.append("close")


def flat(tree):
    for item in tree:
        if isinstance(item, list):
            yield from flat(item)
        else:
            yield item
""",
    "zoo/aio.py": """import asyncio


async def add(a, b=1):
    await asyncio.sleep(0)
    return a + b


async def gathered(values):
    return sum(await asyncio.gather(*[add(value, 1) for value in values]))


async def ticks(count):
    for number in range(count):
        yield number * 2
""",
    "zoo/classes.py": """import dataclasses
import enum


class Base:
    kind = "base"
    sizes = [1, 2]
    registry = {}

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        Base.registry[cls.__name__.lower()] = cls

    def __init__(self, size=1):
        self.size = size

    @property
    def area(self):
        return self.size * self.size

    @area.setter
    def area(self, value):
        self.size = int(value ** 0.5)

    @staticmethod
    def unit():
        return Base(1)

    @classmethod
    def of(cls, size):
        return cls(size + 0)

    def __eq__(self, other):
        return self.size == other.size

    def __hash__(self):
        return hash(self.size)


class Child(Base):
    kind = Base.kind + "!"

    def __init__(self, size=2):
        super().__init__(size)
        self.extra = size - 1

    def total(self):
        def inner(x):
            return x + self.extra

        return inner(self.size)


@dataclasses.dataclass
class Point:
    x: int = 0
    y: int = 5
    tags: list = dataclasses.field(default_factory=list)

    def moved(self, dx, dy=0):
        return Point(self.x + dx, self.y + dy)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2

    def next(self):
        return Colour(self.value % 2 + 1)


class Meta(type):
    def __new__(mcls, name, bases, body):
        body["made_by"] = name.upper() + "?"
        return super().__new__(mcls, name, bases, body)


class Made(metaclass=Meta):
    def who(self):
        return self.made_by
""",
    "zoo/closures.py": """def adder(n):
    def add(x):
        return x + n

    return add


def counter():
    count = 0

    def step(by=1):
        nonlocal count
        count += by
        return count

    return step


add_five = adder(5)
OPERATIONS = {"double": lambda x: x * 2, "negate": lambda x: -x}
step = counter()


def pipeline(*functions):
    def run(value):
        for function in functions:
            value = function(value)
        return value

    return run


run_all = pipeline(add_five, OPERATIONS["double"])
""",
    "zoo/startup.py": """HANDLERS = []
STATE = {"ready": False, "runs": 0}


def register(name, priority=0):
    HANDLERS.append((priority, name))
    HANDLERS.sort()
    return name


def prepare(count):
    STATE["ready"] = True
    return [number * number for number in range(count)]


def later(value):
    STATE["runs"] += 1
    return value + STATE["runs"]


FIRST = register("first", 2)
SECOND = register("second", 1)
SQUARES = prepare(4)
""",
    "zoo/lazy.py": '''VALUE = 7


def value():
    """Return seven."""
    return VALUE


def __getattr__(name):
    if name == "dynamic":
        return VALUE + 1
    raise AttributeError(name)
''',
    "zoo/cli.py": """import sys

from zoo import scaled


def main(argv):
    print(scaled(int(argv[0])) - 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
""",
    "zoo/errors.py": """class ZooError(ValueError):
    code = 3

    def __str__(self):
        return "zoo error %d" % self.code


def check(value):
    if value < 0:
        raise ZooError(value)
    try:
        return 10 // value
    except ZeroDivisionError as error:
        raise ZooError("zero") from error
    finally:
        check.seen = value
""",
    "conftest.py": """import pytest

from zoo import classes


@pytest.fixture
def child():
    return classes.Child(4)


@pytest.fixture(scope="module")
def shared():
    return {"n": 1}
""",
    "test_smoke.py": "def test_smoke():\n    pass\n",
    "test_zoo.py": """import asyncio
import functools
import importlib
import inspect
import subprocess
import sys
import threading

import pytest

import zoo
from zoo import NAMES, aio, classes, closures, consts, deco, errors, gens, startup
from zoo.consts import LIMIT, scaled

SIZES = [scaled(n) for n in range(3)]


def test_limit():
    assert LIMIT == 10 and zoo.LIMIT == 10


def test_names():
    assert NAMES[1] == "bee"


def test_table():
    assert consts.TABLE["ant"] == 4


def test_scaled():
    assert scaled(3) == 7


def test_scaled_offset():
    assert scaled(3, 1, offset=0) == 3


def test_scaled_limit():
    assert consts.SCALED_LIMIT == 21


@pytest.mark.parametrize("size", SIZES)
def test_sizes(size):
    assert size in (1, 3, 5)


def test_tripled():
    assert deco.tripled(1) == 6 and deco.tripled.calls == 1


def test_fib():
    assert deco.fib(10) == 55


def test_describe():
    assert (deco.describe(1), deco.describe([]), deco.describe("")) == ("int 1", "list of 0", "thing")


def test_numbers():
    assert list(gens.numbers(5)) == [5, 7, 9]


def test_pairs():
    assert gens.pairs("ab") == [(1, "a"), (2, "b")]


def test_opened():
    log = []
    with gens.opened(log) as size:
        assert size == 1
    assert log == ["open", "close"]


def test_flat():
    assert list(gens.flat([1, [2, [3]]])) == [1, 2, 3]


def test_add():
    assert asyncio.run(aio.add(1)) == 2


def test_gathered():
    assert asyncio.run(aio.gathered([1, 2])) == 5


def test_ticks():
    async def collect():
        return [tick async for tick in aio.ticks(3)]

    assert asyncio.run(collect()) == [0, 2, 4]


def test_area():
    base = classes.Base(3)
    assert base.area == 9
    base.area = 16
    assert base.size == 4


def test_static_and_class():
    assert classes.Base.unit().size == 1 and classes.Child.of(3).size == 3


def test_default_sizes():
    assert (classes.Base().size, classes.Child().size) == (1, 2)


def test_registry():
    assert list(classes.Base.registry) == ["child"]


def test_kind():
    assert classes.Child.kind == "base!" and classes.Base.sizes == [1, 2]


def test_child(child):
    assert child.total() == 7


def test_equal():
    assert classes.Base(1) == classes.Base(1) and hash(classes.Base(2)) == hash(2)


def test_point():
    assert classes.Point().moved(1) == classes.Point(1, 5)


def test_colour():
    assert classes.Colour.RED.next() is classes.Colour.BLUE and classes.Colour.BLUE.value == 2


def test_made():
    assert classes.Made().who() == "MADE?"


def test_adder():
    assert closures.add_five(1) == 6 and closures.adder(1)(1) == 2


def test_counter():
    assert [closures.step(), closures.step(2)] == [1, 3]


def test_operations():
    assert closures.OPERATIONS["double"](4) == 8 and closures.OPERATIONS["negate"](1) == -1


def test_pipeline():
    assert closures.run_all(1) == 12


def test_handlers():
    assert startup.HANDLERS == [(1, "second"), (2, "first")] and startup.FIRST == "first"


def test_state():
    assert startup.STATE["ready"] and startup.SQUARES == [0, 1, 4, 9]


def test_later():
    assert startup.later(1) == 2


def test_lazy():
    from zoo import lazy

    assert lazy.value() == 7 and lazy.dynamic == 8


def test_docstring():
    from zoo import lazy

    assert lazy.value.__doc__ == "Return seven."


def test_source():
    assert "value * factor" in inspect.getsource(consts.scaled)


def test_signature():
    assert list(inspect.signature(consts.scaled).parameters) == ["value", "factor", "offset"]


def test_error():
    with pytest.raises(errors.ZooError) as caught:
        errors.check(-1)
    assert str(caught.value) == "zoo error 3"


def test_zero():
    with pytest.raises(errors.ZooError):
        errors.check(0)
    assert errors.check(2) == 5 and errors.check.seen == 2


def test_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(scaled(1)))
    thread.start()
    thread.join()
    assert found == [3]


def test_shared(shared):
    shared["n"] += 1
    assert shared["n"] == 2


def test_output(capsys):
    from zoo import cli

    assert cli.main(["2"]) == 0
    assert capsys.readouterr().out == "4\\n"


def test_program():
    done = subprocess.run([sys.executable, "-m", "zoo.cli", "2"], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"4\\n"


def test_reload():
    again = importlib.reload(importlib.import_module("zoo.lazy"))
    assert again.VALUE == 7


def test_partial():
    assert functools.partial(consts.scaled, 2)(factor=3) == 7
""",
}

SWAPS: dict[type[ast.AST], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.FloorDiv: "*",
    ast.Mod: "+",
    ast.Lt: "<=",
    ast.Eq: "!=",
}


def _spans(path: str, source: str) -> Iterator[tuple[int, int, str, int]]:
    """Spans to replace, with the new text and the line."""
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line.encode()))

    def at(line: int, column: int) -> int:
        return lines[line - 1] + column

    tree = ast.parse(source)
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=bool()):
                yield (
                    at(node.lineno, node.col_offset),
                    at(node.end_lineno or 0, node.end_col_offset or 0),
                    str(not node.value),
                    node.lineno,
                )
            case ast.Constant(value=int(number)):
                yield (
                    at(node.lineno, node.col_offset),
                    at(node.end_lineno or 0, node.end_col_offset or 0),
                    str(number + 1),
                    node.lineno,
                )
            case ast.Constant(value=str(text)) if text:
                yield (
                    at(node.lineno, node.col_offset),
                    at(node.end_lineno or 0, node.end_col_offset or 0),
                    repr(text + "x"),
                    node.lineno,
                )
            case ast.BinOp(left=left, op=operator) | ast.Compare(left=left, ops=[operator]) if type(operator) in SWAPS:
                start = at(left.end_lineno or 0, left.end_col_offset or 0)
                rest = source.encode()[start:]
                skip = len(rest) - len(rest.lstrip(b" )"))
                width = 2 if isinstance(operator, (ast.FloorDiv, ast.Eq)) else 1
                yield start + skip, start + skip + width, SWAPS[type(operator)], node.lineno
            case ast.Return(value=ast.expr() as value) | ast.Expr(value=ast.Call() as value):
                yield (
                    at(value.lineno, value.col_offset),
                    at(value.end_lineno or 0, value.end_col_offset or 0),
                    "None",
                    node.lineno,
                )
            case ast.FunctionDef(decorator_list=[first, *_]) | ast.ClassDef(decorator_list=[first, *_]):
                yield (
                    at(first.lineno, first.col_offset),
                    at(first.end_lineno or 0, first.end_col_offset or 0),
                    "(lambda f: f)",
                    first.lineno,
                )
            case ast.FunctionDef(args=ast.arguments(args=[*_, last])) if last.arg not in ("self", "cls"):
                start = at(last.lineno, last.col_offset)
                yield start, start + len(last.arg), last.arg + "_", last.lineno
            case ast.Assign() | ast.AugAssign() | ast.Raise():
                yield (
                    at(node.lineno, node.col_offset),
                    at(node.end_lineno or 0, node.end_col_offset or 0),
                    "pass",
                    node.lineno,
                )
            case ast.If(test=test):
                yield (
                    at(test.lineno, test.col_offset),
                    at(test.end_lineno or 0, test.end_col_offset or 0),
                    "not (" + ast.unparse(test) + ")",
                    test.lineno,
                )


def mutants(files: dict[str, str] | None = None) -> list[Candidate]:
    """One-edit candidates for every file of the project itself, always the same, in a fixed order."""
    found: dict[str, Candidate] = {}
    for path, source in (files or ZOO).items():
        if not path.startswith("zoo/"):
            continue
        for start, end, text, line in _spans(path, source):
            edits = (Edit(path=path, start=start, end=end, text=text),)
            name = Candidate.make_id(edits)
            found[name] = Candidate(id=name, edits=edits, origin="mutant", path=path, line=line)
    return list(found.values())


def edited(files: dict[str, str], candidate: Candidate) -> dict[str, bytes]:
    """Contents of the files that a candidate changes."""
    contents: dict[str, bytes] = {}
    for edit in sorted(candidate.edits, key=lambda item: item.start, reverse=True):
        data = contents.get(edit.path, files[edit.path].encode())
        contents[edit.path] = data[: edit.start] + edit.text.encode(edit.encoding) + data[edit.end :]
    return contents
