from logtail import errors, tail


def test_default_of_both():
    lines = [f"{n} ERROR x" for n in range(12)]
    assert errors(lines) == lines[2:]
    assert len(tail(range(1000))) == 10
    assert errors(lines, count=None) == lines
    assert tail(lines, 0) == []
