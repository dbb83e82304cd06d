import pytest

from releases.listing import between, is_pre, newest


def test_single_digits():
    assert newest(["1.2", "1.4", "1.3"]) == "1.4"


def test_two_digits():
    assert newest(["1.9", "1.10"]) == "1.10"


def test_pre_releases():
    assert newest(["1.0", "2.0rc1"]) == "1.0"
    assert newest(["1.0", "2.0rc1", "2.0b3"], pre=True) == "2.0rc1"
    assert is_pre("3.0a1") and not is_pre("3.0")


def test_between():
    assert between(["3.0", "1.0", "2.0", "2.0rc1"], "1.0", "2.0") == ["1.0", "2.0rc1"]


def test_nothing():
    assert newest([]) is None


def test_nonsense():
    with pytest.raises(ValueError):
        newest(["x"])
