import pytest

from recipes.recipe import Ingredient, Recipe


def test_weight_does_not_change_with_units():
    recipe = Recipe("x", 1, [Ingredient("a", 3, "lb"), Ingredient("b", 0.2, "kg")])
    for unit in ("g", "kg", "oz", "lb"):
        assert recipe.in_unit(unit).weight("kg") == pytest.approx(recipe.weight("kg"))


def test_round_trip():
    recipe = Recipe("x", 1, [Ingredient("a", 3, "lb")])
    assert recipe.in_unit("kg").in_unit("lb").ingredients[0].amount == pytest.approx(3)
