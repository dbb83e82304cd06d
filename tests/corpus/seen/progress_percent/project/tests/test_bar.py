import pytest

from progressbar import status, text


def test_start():
    assert text(0, 5) == "[          ]   0%"


def test_end():
    assert text(5, 5, width=4) == "[####] 100%"
    assert status(2, 2, "files") == "100% (2/2 files)"


def test_bar_on_the_way():
    assert text(3, 4) == "[#######   ]  75%"


def test_status_on_the_way():
    assert status(1, 2) == "50% (1/2)"


@pytest.mark.parametrize(("done", "total"), [(0, 0), (3, 2), (-1, 2)])
def test_nonsense(done, total):
    with pytest.raises(ValueError):
        text(done, total)
