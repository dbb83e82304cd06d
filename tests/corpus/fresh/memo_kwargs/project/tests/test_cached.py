import pytest

from memo import cached


@pytest.fixture
def price():
    @cached
    def price(name, amount=1, currency="EUR"):
        return f"{len(name) * amount} {currency}"

    return price


def test_once(price):
    assert price("tea") == price("tea") == "3 EUR"
    assert price.calls == 1


def test_positional(price):
    assert price("tea", 2) == "6 EUR"
    assert price("coffee", 2) == "12 EUR"
    assert price.calls == 2


def test_keywords(price):
    assert price("tea", currency="EUR") == "3 EUR"
    assert price("tea", currency="USD") == "3 USD"


def test_keyword_hit(price):
    price("tea", currency="USD")
    price("tea", currency="USD")
    assert price.calls == 1


def test_forget(price):
    price("tea")
    price.forget()
    price("tea")
    assert price.calls == 2
