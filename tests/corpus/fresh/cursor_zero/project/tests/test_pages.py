import pytest

from apiclient.pages import TooManyPages, fetch_all
from apiclient.users import active_users


def server(pages):
    return lambda cursor: pages[cursor]


def test_one_page():
    assert list(fetch_all(server({None: ([1, 2], None)}))) == [1, 2]


def test_named_cursors():
    assert list(fetch_all(server({None: ([1], "b"), "b": ([], "c"), "c": ([2], None)}))) == [1, 2]


def test_cursor_zero():
    assert list(fetch_all(server({None: ([1], 0), 0: ([2], 1), 1: ([3], None)}))) == [1, 2, 3]


def test_endless():
    with pytest.raises(TooManyPages):
        list(fetch_all(lambda cursor: ([1], "again"), limit=5))


def test_users():
    pages = {None: ([{"name": "a"}, {"name": "b", "active": False}], None)}
    assert active_users(server(pages)) == ["a"]
