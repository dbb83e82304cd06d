from timing import Stats, timed


def test_all_kinds_of_values():
    stats = Stats()
    same = timed(stats)(lambda x: x)
    for value in (0, "", None, [1], {"a": 1}):
        assert same(value) == value
    assert stats.calls == 5


def test_recursion():
    stats = Stats()

    @timed(stats)
    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)

    assert factorial(5) == 120
    assert stats.calls == 5
