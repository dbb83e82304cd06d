import pytest

from colours import from_hex, to_hex
from colours.mix import gradient, mix


def test_bright():
    assert to_hex((255, 128, 16)) == "#ff8010"


def test_dark():
    assert to_hex((0, 10, 255)) == "#000aff"


def test_from_hex():
    assert from_hex("#0af") == (0, 170, 255)
    assert from_hex("102030") == (16, 32, 48)


@pytest.mark.parametrize("text", ["#12345", "#gggggg", ""])
def test_nonsense(text):
    with pytest.raises(ValueError):
        from_hex(text)


def test_range():
    with pytest.raises(ValueError):
        to_hex((0, 0, 256))


def test_mix():
    assert mix("#ffffff", "#808080") == "#c0c0c0"


def test_gradient():
    assert gradient("#fff", "#888", 2) == ["#ffffff", "#888888"]
