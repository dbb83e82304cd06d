from retrying import call, delays


def test_never_above_the_cap():
    for base in (0.5, 1, 3):
        found = list(delays(base, 20, 12))
        assert found[0] == base
        assert max(found) == 20
        assert found == sorted(found)


def test_cap_equal_to_base():
    assert list(delays(4, 4, 3)) == [4, 4, 4]


def test_call_uses_the_cap():
    slept = []
    answers = iter([OSError, OSError, OSError, OSError, None])

    def function():
        error = next(answers)
        if error:
            raise error

    call(function, slept.append, base=3, cap=10)
    assert slept == [3, 6, 10, 10]
