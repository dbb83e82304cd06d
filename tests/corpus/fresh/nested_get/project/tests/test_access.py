import pytest

from dotted import get, has, put


@pytest.fixture
def data():
    return {"users": [{"name": "ann"}, {"name": "bob", "age": None}], "count": 2}


def test_get(data):
    assert get(data, "users.1.name") == "bob"
    assert get(data, "count") == 2


def test_missing_key(data):
    assert get(data, "users.0.age", 0) == 0
    assert get(data, "nope.deeper") is None


def test_through_a_number(data):
    assert get(data, "count.x", "-") == "-"


def test_missing_position(data):
    assert get(data, "users.3.name", "-") == "-"


def test_has(data):
    assert has(data, "users.1.age")
    assert not has(data, "users.x")


def test_put():
    data = {}
    put(data, "a.b.c", 1)
    assert data == {"a": {"b": {"c": 1}}}
