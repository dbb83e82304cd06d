from tablekit.group import group_totals
from tablekit.join import anti_join, inner_join, left_join
from tablekit.render import to_text

ORDERS = [{"id": 1, "customer": "a"}, {"id": 2, "customer": "b"}, {"id": 3, "customer": "z"}]
CUSTOMERS = [{"customer": "a", "city": "Ulm"}, {"customer": "b", "city": "Bonn"}]


def test_inner_join():
    assert inner_join(ORDERS, CUSTOMERS, "customer") == [
        {"customer": "a", "city": "Ulm", "id": 1},
        {"customer": "b", "city": "Bonn", "id": 2},
    ]


def test_left_join_keeps_unmatched_rows():
    joined = left_join(ORDERS, CUSTOMERS, "customer")
    assert joined[2] == {"customer": "z", "city": None, "id": 3}
    assert len(joined) == 3


def test_anti_join():
    assert anti_join(ORDERS, CUSTOMERS, "customer") == [{"id": 3, "customer": "z"}]


def test_totals():
    assert group_totals([{"k": "x", "v": 2}, {"k": "y", "v": 1}, {"k": "x", "v": 3}], "k", "v") == {"x": 5, "y": 1}


def test_text():
    assert to_text([{"a": 1, "b": None}, {"a": 22, "b": "x"}], ["a", "b"]) == "a   b\n1   -\n22  x"
