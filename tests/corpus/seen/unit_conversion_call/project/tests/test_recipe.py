import pytest

from recipes.recipe import Ingredient, Recipe
from recipes.units import convert


@pytest.fixture
def bread():
    return Recipe("Bread", 2, [Ingredient("flour", 250, "g"), Ingredient("water", 0.5, "lb")])


def test_convert():
    assert convert(1, "kg", "g") == 1000
    assert convert(16, "oz", "lb") == pytest.approx(1)


def test_unknown_unit():
    with pytest.raises(ValueError, match="unknown unit: st"):
        convert(1, "st", "g")


def test_scaled(bread):
    assert [i.amount for i in bread.scaled(4).ingredients] == [500, 1.0]


def test_weight(bread):
    assert bread.weight() == pytest.approx(476.796185)


def test_in_ounces(bread):
    flour, water = bread.in_unit("oz").ingredients
    assert flour.amount == pytest.approx(8.8185, abs=1e-4)
    assert water.amount == pytest.approx(8)
    assert flour.unit == water.unit == "oz"
