import pytest

from shapes import Circle, Rectangle, Square, describe, total_area


def test_rectangle():
    assert describe(Rectangle(2, 3)) == "rectangle with an area of 6"


def test_square():
    assert Square(4).area == 16
    assert describe(Square(1.5)) == "square with an area of 2.25"


def test_circle():
    assert describe(Circle(1)) == "circle with an area of 3.14"


def test_total():
    assert total_area([Square(2), Rectangle(1, 3)]) == 7
    assert total_area([]) == 0


def test_no_area_without_a_shape():
    from shapes.figures import Shape

    with pytest.raises(NotImplementedError):
        Shape().area
