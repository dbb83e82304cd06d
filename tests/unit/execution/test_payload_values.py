"""Values as text: the same on every interpreter and in every process, whatever their own ``__repr__`` says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import covey.execution
from covey.execution.interpreters import OLDEST, find_interpreters
from covey.execution.probes import probe_report
from covey.settings import home_folder, search_path

PAYLOAD = Path(covey.execution.__file__).parent / "payload"

PROGRAM = r"""
import collections, datetime, decimal, enum, random, sys
import covey_calls, covey_probe
from covey_values import describe, drained, variants

class Colour(enum.Enum):
    red = 1

class Point:
    def __init__(self, x, y):
        self.y, self.x = y, x
    def __repr__(self):
        return "at %d" % id(self)

class Slim:
    __slots__ = ("a", "b")
    def __init__(self):
        self.a = 1

loop = [1]
loop.append(loop)
for value in (
    1, True, None, 0.1 + 0.2, -0.0, 2.0, float("nan"), 1e300, "text", b"bytes", [1, (2,), ()], {"b": 1, "a": [2]},
    {"c", "a", "b"}, frozenset([3, 1, 2]), Point(1, "two"), Slim(), Colour.red, ValueError("why"), loop,
    collections.OrderedDict([(1, 2)]), decimal.Decimal("1.50"), datetime.date(2020, 1, 2), Point, len, lambda: 0,
    iter([1]), "x" * 5000,
):
    text, whole = describe(value)
    print(text[:70], whole)
print(describe(list(range(5000)))[1], len(describe(1 << 20000)[0]))
print(drained(i * i for i in range(4)), drained(iter("ab")))

def stops():
    yield 1
    raise KeyError(2)

async def later():
    return 5

print(drained(stops()), drained(later()))
for value in (True, 3, 2.5, "ab", [1, 2], (1,), {"k": 1}, {2, 1}, None, Point(1, 2)):
    print(variants(value))

def f(a, b=2, *rest, c=3, **more):
    return a, b, rest, c, more

def record(call):
    recorder = covey_calls.Recorder({id(f.__code__): [f]})
    sys.settrace(recorder.trace)
    call()
    sys.settrace(None)
    return list(recorder.calls[id(f.__code__)].values())

for call in record(lambda: (f(1), f(1, 2), f(1, b=[4], c=5), f(1, 2, 3, d=4), f(1))):
    print(call.text(), call.run())
calls = record(lambda: (f(1), f([2, 3], c=7)))
print(len({text for _, text in covey_calls.inputs_from([calls], 0)}))
"""

EXPECTED = """1 True
True True
None True
0.3 True
0.0 True
2.0 True
nan True
1e+300 True
'text' True
b'bytes' True
[1, (2,), ()] True
{'b': 1, 'a': [2]} True
set({'a', 'b', 'c'}) True
frozenset({1, 2, 3}) True
Point(x=1, y='two') True
Slim(a=1) True
Colour.red True
ValueError('why') True
[1, ...] True
OrderedDict({1: 2}) True
Decimal('1.50') True
datetime.date(2020, 1, 2) True
Point True
len True
<lambda> False
list_iterator([1], 0) True
'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'... (5000, c59d3c0480cc2d71d True
False 5003
('yields', [0, 1, 4, 9]) ('yields', ['a', 'b'])
('raises KeyError after', [1]) ('returns', 5)
[False]
[4, 2, 0, -3, 5, 13, 307]
[3.5, 1.5, 0.0, -2.5, 2500.5]
['', 'a', 'abab', 'ba', 'AB', ' ab', 'a']
[[], [1], [1, 2, 1, 2], [2, 1], [1], [2], [2, 2], [0, 2], [0, 2], [1, 3], [1, 1], [1, 0]]
[(), (1,), (1, 1), (1,), (), (), (2,), (0,), (0,)]
[{}, {'k': 1}, {}, {'k': 1}, {'k': 2}, {'k': 0}, {'k': 0}]
[set(), {1}, {2}]
[]
[]
('f(1)', True) (1, 2, (), 3, {})
('f(1, [4], c=5)', True) (1, [4], (), 5, {})
('f(1, 2, 3, d=4)', True) (1, 2, (3,), 3, {'d': 4})
49
"""


def said_by(python: str, folder: Path, seed: str) -> str:
    env = {"PYTHONPATH": str(PAYLOAD), "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [python, "program.py"], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=30
    )
    return done.stdout + done.stderr


async def test_values_and_calls_are_the_same_text_on_every_interpreter(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    found = await find_interpreters(search_path(), home_folder())
    wanted = {item.version[:2]: str(item.path) for item in found if item.version[:2] >= OLDEST}
    for version, python in sorted(wanted.items()):
        for seed in ("1", "2") if version == max(wanted) else ("1",):
            assert said_by(python, tmp_path, seed) == EXPECTED, version


def test_an_answer_of_another_form_counts_as_not_found_out() -> None:
    assert probe_report(["a"], {}).notes == ("Behaviour could not be compared (no answer).",)
    strange = {"end": "done", "inputs": [["a.py", "f(1)", True], 7], "subjects": [[], [0], [0, "x"], ["y", []], 5]}
    report = probe_report(["a"], {**strange, "cannot": 3, "left_out": "x"})
    assert (report.inputs, report.outcomes) == ((), {"a": ()})
    good = ["returned", "d", "returns 1"]
    mixed = {
        "end": "done",
        "inputs": [["a.py", "f(1)", True]] * 3,
        "subjects": [[-1, [good, False, good]], [0, [good] * 3]],
    }
    assert len(probe_report(["a"], mixed).inputs) == 2
    assert probe_report(["a", "b"], mixed).unprobed == {"b": "no time left"}
    unknown = {**mixed, "subjects": [[0, [good, ["strange", "d", "x"], None]]]}
    assert probe_report(["a"], unknown).inputs == report.inputs[:0] + probe_report(["a"], mixed).inputs[:1]
