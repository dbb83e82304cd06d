from dataclasses import dataclass, replace

from recipes.units import convert


@dataclass(frozen=True)
class Ingredient:
    name: str
    amount: float
    unit: str


class Recipe:
    def __init__(self, title, servings, ingredients):
        self.title = title
        self.servings = servings
        self.ingredients = list(ingredients)

    def scaled(self, servings):
        factor = servings / self.servings
        return Recipe(self.title, servings, [replace(i, amount=i.amount * factor) for i in self.ingredients])

    def in_unit(self, unit):
        """Return the same recipe with all ingredients in one unit."""
        return Recipe(
            self.title,
            self.servings,
            [replace(i, amount=convert(i.amount, unit, i.unit), unit=unit) for i in self.ingredients],
        )

    def weight(self, unit="g"):
        return sum(convert(i.amount, i.unit, unit) for i in self.ingredients)
