import pytest

from romans import from_roman, to_roman


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "I"), (3, "III"), (4, "IV"), (5, "V"), (9, "IX"), (14, "XIV"), (40, "XL"), (90, "XC"), (1987, "MCMLXXXVII")],
)
def test_writing(number, text):
    assert to_roman(number) == text


@pytest.mark.parametrize(("text", "number"), [("mmxxiii", 2023), ("IIII", 4), ("CDXC", 490)])
def test_reading(text, number):
    assert from_roman(text) == number


@pytest.mark.parametrize("number", [0, 4000, -1])
def test_range(number):
    with pytest.raises(ValueError):
        to_roman(number)


def test_nonsense():
    with pytest.raises(ValueError):
        from_roman("ABC")
