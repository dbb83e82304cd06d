"""What failures say."""

from __future__ import annotations

import pytest

from covey.core.testing import Failure
from covey.repair.evidence import Hints, read_hints


def _hints(kind: str, message: str, text: str = "") -> Hints:
    return read_hints([Failure(type=kind, message=message, text=text)])


@pytest.mark.parametrize(
    ("message", "field", "wanted"),
    [
        ("'Cart' object has no attribute 'totl'", "attributes", {"totl"}),
        ("module 'math' has no attribute 'flor'", "attributes", {"flor"}),
        ("name 'itms' is not defined", "undefined", {"itms"}),
        ("cannot access local variable 'n' where it is not associated with a value", "undefined", {"n"}),
        ("f() missing 2 required positional arguments: 'a' and 'b'", "missing_arguments", {"a", "b"}),
        ("f() got an unexpected keyword argument 'dept'", "unexpected", {"dept"}),
        ("f() takes 1 positional argument but 2 were given", "callees", {"f"}),
        ("cannot import name 'gone' from 'pkg'", "undefined", {"gone"}),
    ],
)
def test_names_in_messages(message: str, field: str, wanted: set[str]) -> None:
    assert getattr(_hints("TypeError", message), field) == wanted


@pytest.mark.parametrize(
    ("kind", "message", "pair"),
    [
        ("AssertionError", "assert 3 == 4", (3, 4)),
        ("AssertionError", "assert 'a b' == 'a-b'\n  - a-b", ("a b", "a-b")),
        ("AssertionError", "3 != 4", (3, 4)),
        ("AssertionError", "Lists differ: [1] != [2]", ([1], [2])),
        ("AssertionError", "assert None is True", (None, True)),
    ],
)
def test_actual_and_expected_values(kind: str, message: str, pair: tuple[object, object]) -> None:
    assert pair in _hints(kind, message).pairs


def test_errors_that_did_not_come() -> None:
    assert _hints("Failed", "DID NOT RAISE <class 'ValueError'>").not_raised == ["ValueError"]
    assert _hints("Failed", "DID NOT RAISE <class 'pkg.errors.Refused'>").not_raised == ["Refused"]
    assert _hints("AssertionError", "KeyError not raised").not_raised == ["KeyError"]


def test_keys_none_and_coroutines() -> None:
    assert _hints("KeyError", "'nmae'").keys == {"nmae"}
    assert _hints("AttributeError", "'NoneType' object has no attribute 'x'").none_used
    assert _hints("TypeError", "unsupported operand type(s) for +: 'int' and 'coroutine'").coroutine


def test_hostile_messages_are_harmless() -> None:
    for message in ("assert " + "(" * 5000 + " == 1", "assert \0 == 1", "9" * 30_000 + " != 1", "'" * 10_000):
        _hints("AssertionError", message, message)
