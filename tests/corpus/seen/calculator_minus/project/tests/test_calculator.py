import pytest

from calculator import evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [("2 + 3 * 4", 14), ("(2 + 3) * 4", 20), ("-2 + 5", 3), ("7 / 2", 3.5), ("2 * 3 + 4", 10)],
)
def test_simple(text, value):
    assert evaluate(text) == value


def test_subtraction_goes_from_the_left():
    assert evaluate("10 - 3 - 2") == 5


def test_division_goes_from_the_left():
    assert evaluate("100 / 10 / 5") == 2


@pytest.mark.parametrize("text", ["", "2 +", "(1", "1 2", "a"])
def test_nonsense(text):
    with pytest.raises(SyntaxError):
        evaluate(text)
