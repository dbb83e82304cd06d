from shop.basket import Basket, Line


def test_adding_twice():
    basket = Basket()
    basket.add("tea", 350)
    basket.add("tea", 350)
    basket.add("tea", 350, quantity=3)
    assert basket.lines[0].quantity == 5
    assert basket.total == 1750


def test_line():
    assert Line("x", 5).total == 5
    assert Line("x", 5, quantity=0).total == 0
