import pytest

from calculator import evaluate


def test_powers_go_from_the_right():
    assert evaluate("2 ^ 3 ^ 2") == 512


@pytest.mark.parametrize("text", ["1 - 2 + 3 - 4", "8 / 4 * 2 / 2", "100 - 5 * 2 - 3 * 4", "9 - (4 - 3) - 1"])
def test_same_as_python(text):
    assert evaluate(text) == eval(text)
