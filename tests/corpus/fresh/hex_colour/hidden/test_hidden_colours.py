from colours import from_hex, to_hex
from colours.mix import gradient


def test_round_trip():
    for rgb in ((0, 0, 0), (1, 2, 3), (15, 16, 17), (255, 0, 9), (200, 5, 100)):
        text = to_hex(rgb)
        assert len(text) == 7 and from_hex(text) == rgb


def test_gradient_to_black():
    assert gradient("#000", "#040404", 3) == ["#000000", "#020202", "#040404"]
