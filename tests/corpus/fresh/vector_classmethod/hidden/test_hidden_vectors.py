from vectors import Colour, Vector


class Force(Vector):
    pass


def test_subclasses():
    assert type(Force.zero()) is Force
    assert type(Force.zero() + Vector(1, 1, 1)) is Force
    assert type(Vector.zero() + Force.zero()) is Vector
    assert Colour.zero().hex() == "#000000"
    assert (Colour(1, 0, 0) + Colour(0, 1, 0)).hex() == "#ffff00"
