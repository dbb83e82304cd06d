from logtail import errors, follow, tail

LINES = [f"{n} {'ERROR' if n % 2 else 'INFO'} x" for n in range(30)]


def test_three():
    assert tail(LINES, 3) == LINES[-3:]


def test_default():
    assert tail(LINES) == LINES[20:]


def test_everything():
    assert tail(LINES, None) == LINES
    assert tail(["a"]) == ["a"]


def test_errors():
    assert errors(LINES, count=1) == ["29 ERROR x"]


def test_follow():
    assert follow(["a"], ["a", "b"]) == ["b"]
    assert follow(["x"], ["a", "b"]) == ["a", "b"]
