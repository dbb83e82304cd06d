import pytest

from validators import is_host_name, is_user_name
from validators.address import split_address


@pytest.mark.parametrize("text", ["bob", "_x", "a-1"])
def test_user_names(text):
    assert is_user_name(text)


@pytest.mark.parametrize("text", ["", "1a", "-a", "root"])
def test_no_user_names(text):
    assert not is_user_name(text)


def test_user_name_with_a_tail():
    assert not is_user_name("bob; drop table")


def test_host_names():
    assert is_host_name("a-b.Example.org")
    assert not is_host_name(".org")


def test_host_name_with_a_tail():
    assert not is_host_name("example.org/evil")


def test_address():
    assert split_address("bob@example.org") == ("bob", "example.org")
    with pytest.raises(ValueError):
        split_address("bob")
