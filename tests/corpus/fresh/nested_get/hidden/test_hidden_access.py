from dotted import get, has


def test_positions():
    data = {"m": [[1, 2], []]}
    assert get(data, "m.0.1") == 2
    assert get(data, "m.-1") == []
    assert not has(data, "m.1.0")
    assert not has(data, "m.2")
    assert get([], "0", 5) == 5
    assert get("text", "0", 7) == 7
