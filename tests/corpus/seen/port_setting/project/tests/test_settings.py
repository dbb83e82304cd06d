import pytest

from service.errors import SettingsError
from service.main import start
from service.settings import Settings


def test_defaults():
    assert Settings.load({}) == Settings("localhost", 8000, 1)


def test_text_numbers():
    assert Settings.load({"port": "80"}).port == 80


def test_none():
    with pytest.raises(SettingsError, match="not a whole number"):
        Settings.load({"workers": None})


def test_range():
    with pytest.raises(SettingsError, match="between 1 and 65535"):
        Settings.load({"port": 70000})


def test_unknown():
    with pytest.raises(SettingsError, match="unknown"):
        Settings.load({"prot": 1})


def test_word_as_port():
    assert start({"port": "http"}) == ("cannot start: port = 'http': not a whole number", 2)


def test_start():
    assert start({"port": 81}) == ("listening on localhost:81", 0)
