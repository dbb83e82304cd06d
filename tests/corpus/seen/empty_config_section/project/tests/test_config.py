import pytest

from appconfig import Config, parse

TEXT = """
# an example
server:
  host = example.org
  port = 8080   # not 80
  debug = yes
mail:
"""


@pytest.fixture
def config():
    return Config(parse(TEXT))


def test_text(config):
    assert config.get("server", "host") == "example.org"


def test_int(config):
    assert config.get_int("server", "port") == 8080
    assert config.get_int("server", "workers", 4) == 4


def test_bool(config):
    assert config.get_bool("server", "debug") is True
    assert config.get_bool("server", "trace") is False


def test_absent_section(config):
    assert config.get("cache", "size", "1") == "1"


def test_empty_section(config):
    assert config.get("mail", "host", "localhost") == "localhost"
    assert config.section("mail") == {}


def test_entry_outside_of_a_section():
    with pytest.raises(ValueError, match="line 1"):
        parse("  a = 1")
