import math

import pytest

from shapes import Circle, Square, total_area


def test_circle_area_is_a_number():
    assert Circle(2).area == pytest.approx(4 * math.pi)
    assert total_area([Circle(1), Square(1)]) == pytest.approx(math.pi + 1)


def test_area_follows_the_radius():
    circle = Circle(1)
    circle.radius = 3
    assert circle.area == pytest.approx(9 * math.pi)
