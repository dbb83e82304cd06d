from memo import cached


def test_names_and_values_count_but_not_their_order():
    @cached
    def f(**options):
        return dict(options)

    assert f(a=1, b=2) == {"a": 1, "b": 2}
    assert f(b=2, a=1) == {"a": 1, "b": 2}
    assert f.calls == 1
    assert f(a=2, b=1) == {"a": 2, "b": 1}
    assert f(c=1, d=2) == {"c": 1, "d": 2}
    assert f() == {}
    assert f.calls == 4
