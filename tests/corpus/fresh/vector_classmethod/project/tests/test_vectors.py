from vectors import Colour, Vector
from vectors.colour import blend


def test_vector():
    assert Vector(1, 2, 3) + Vector(1, 1, 1) == Vector(2, 3, 4)
    assert Vector.zero().dot(Vector(1, 2, 3)) == 0


def test_scaled_colour():
    assert (Colour(1, 0.5, 0) * 2).hex() == "#ffff00"


def test_repr():
    assert repr(Colour(1, 0, 0)) == "Colour(1, 0, 0)"


def test_added_colours():
    assert isinstance(Colour(1, 0, 0) + Colour(0, 1, 0), Colour)


def test_blend():
    assert blend([Colour(1, 0, 0), Colour(0, 0, 1)]).hex() == "#800080"
