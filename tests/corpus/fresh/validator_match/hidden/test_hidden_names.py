import pytest

from validators import is_host_name, is_user_name
from validators.address import split_address


@pytest.mark.parametrize("text", ["bob\n", "a b", "a" * 32, "admin", "Bob"])
def test_users(text):
    assert not is_user_name(text)


@pytest.mark.parametrize("text", ["a..b", "a-", "a.b-", "x" * 254, "a b", "a.\n"])
def test_hosts(text):
    assert not is_host_name(text)


def test_still_valid():
    assert is_user_name("a" * 31) and is_host_name("x") and is_host_name("a--b.c")
    with pytest.raises(ValueError):
        split_address("a@b@c")
