import pytest

from routes.network import Network
from routes.search import cheapest


def test_direct():
    assert cheapest(Network(("A", "B", 1), ("A", "C", 1), ("C", "B", 2)), "A", "B") == (1, ["A", "B"])


def test_detour_is_cheaper():
    assert cheapest(Network(("A", "B", 10), ("A", "C", 1), ("C", "B", 2)), "A", "B") == (3, ["A", "C", "B"])


def test_unreachable():
    assert cheapest(Network(("A", "B", 1), ("C", "D", 1)), "A", "D") is None


def test_at_home():
    assert cheapest(Network(), "A", "A") == (0, ["A"])


def test_costs_are_checked():
    with pytest.raises(ValueError):
        Network(("A", "B", -1))
