import pytest

from versions import Version, latest, unique_versions


def test_parse():
    assert Version.parse("v1.20.3").parts == (1, 20, 3)


@pytest.mark.parametrize("text", ["", "1.x", "1..2", "-1"])
def test_nonsense(text):
    with pytest.raises(ValueError):
        Version.parse(text)


def test_order_is_numeric():
    assert Version(1, 9) < Version(1, 10)
    assert latest(["1.9", "1.10", "1.2.3"]) == "1.10"


def test_missing_parts_are_zero():
    assert Version(1) == Version(1, 0, 0)
    assert Version(1) != Version(1, 0, 1)


def test_not_equal_to_text():
    assert Version(1) != "1"


def test_unique():
    assert [str(v) for v in unique_versions(["2.1", "1.5", "2.1"])] == ["1.5", "2.1"]
    assert len(unique_versions(["1.0", "1.0.0", "1"])) == 1
