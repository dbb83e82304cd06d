"""What is known of how values are used in a file, and in which order it is offered."""

from __future__ import annotations

from covey.repair.sources import Source, read_source
from covey.repair.uses import UsesOfFile
from covey.repair.view import View
from support_repair import PATH, rank_of, source

FILE = source(
    """
    def g(norm, d, k, xs):
        a = norm(d[k]).strip()
        b = norm(a, k)
        if a and not xs:
            return (a + b) * 2
        norm(k)
        print(*xs)
        return d[1:-1]
    """
)


def uses_of(data: bytes) -> UsesOfFile:
    read = read_source(PATH, data)
    assert isinstance(read, Source)
    return UsesOfFile(View(read))


def test_calls_methods_items_operands_and_conditions_are_gathered() -> None:
    uses = uses_of(FILE)
    assert ("norm(", ")") in uses.calls
    assert ("norm(", ", k)") in uses.calls
    assert ("norm(a, ", ")") in uses.calls
    assert set(uses.methods) == {("", ".strip()")}
    assert set(uses.items) == {("", "[k]"), ("", "[1:-1]")}
    assert ("", " * 2") in uses.operands
    assert ("a + ", "") in uses.operands
    assert ("", " and not xs") in uses.conditions
    assert uses.items["", "[k]"].subjects == {"d"}
    assert uses.items["", "[k]"].reads == {"k"}


def test_calls_whose_result_nobody_wants_are_not_put_around_values() -> None:
    assert not [pair for pair in uses_of(FILE).calls if pair[0].startswith("print")]
    assert uses_of(FILE).calls["norm(", ")"].subjects == {"d[k]"}


def test_the_same_value_used_so_elsewhere_comes_before_other_uses() -> None:
    before = "def f(d, e, k, i):\n    a = d[k]\n    b = e[i]\n    g(a, b)\n    return d\n"
    same = rank_of(before, before.replace("return d", "return d[k]"))
    other = rank_of(before, before.replace("return d", "return d[i]"))
    assert same is not None
    assert other is None or same[0] < other[0]


def test_parentheses_are_kept_around_a_value_that_needs_them() -> None:
    before = "def f(x, y, n):\n    a = x.size % (n + 1)\n    return a, x - y\n"
    after = "def f(x, y, n):\n    a = x.size % (n + 1)\n    return a, (x - y) % (n + 1)\n"
    assert rank_of(before, after) is not None
