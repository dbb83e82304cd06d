import pytest

from permissions import Permission, Table


@pytest.fixture
def table():
    table = Table()
    table.grant("ann", Permission.READ | Permission.WRITE)
    table.grant("bob", Permission.READ)
    return table


def test_grant(table):
    assert table.allowed("ann", Permission.WRITE)
    assert not table.allowed("bob", Permission.READ | Permission.WRITE)


def test_admin(table):
    table.grant("bob", Permission.ADMIN)
    assert table.allowed("bob", Permission.SHARE)


def test_revoke(table):
    table.revoke("ann", Permission.WRITE)
    assert table.of("ann") == Permission.READ


def test_revoke_what_is_not_there(table):
    table.revoke("bob", Permission.WRITE)
    assert table.of("bob") == Permission.READ


def test_users(table):
    assert table.users_with(Permission.READ) == ["ann", "bob"]


def test_unknown_user(table):
    assert not table.allowed("eve", Permission.READ)
