from appconfig import Config, parse


def test_every_getter_copes_with_an_empty_section():
    config = Config(parse("a:\nb:\n  x = 1\n"))
    assert config.get("a", "x") is None
    assert config.get_int("a", "x", 7) == 7
    assert config.get_bool("a", "x", True) is True
    assert config.get_int("b", "x") == 1
    assert config.section("a") == {}
    assert config.section("nope") == {}
