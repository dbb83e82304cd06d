import pytest

from shop.basket import Basket


@pytest.fixture
def basket():
    return Basket()


def test_explicit_quantity(basket):
    basket.add("tea", 350, quantity=2)
    assert basket.total == 700


def test_default_quantity(basket):
    basket.add("tea", 350)
    assert basket.total == 350


def test_remove(basket):
    basket.add("tea", 350, quantity=1)
    basket.add("cake", 420, quantity=1)
    basket.remove("tea")
    assert basket.total == 420


def test_discount(basket):
    basket.add("tea", 333, quantity=1)
    assert basket.discounted(50) == 167


def test_empty(basket):
    assert basket.total == 0
