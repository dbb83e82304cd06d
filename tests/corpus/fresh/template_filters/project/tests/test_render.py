import pytest

from tinytemplate import render


def test_plain():
    assert render("Hi {name}, {x}!", name="Ann") == "Hi Ann, !"


def test_filters():
    assert render("{name|upper|truncate:3}", name="Annabel") == "AN…"


def test_plural():
    assert [render("{n} item{n|plural}", n=n) for n in (1, 2)] == ["1 item", "2 items"]
    assert render("{n} box{n|plural:es}", n=0) == "0 boxes"


def test_default_is_not_needed():
    assert render("{name|default:nobody}", name="Ann") == "Ann"


def test_default():
    assert render("{name|default:nobody}") == "nobody"


def test_unknown_filter():
    with pytest.raises(ValueError, match="unknown filter: nope"):
        render("{a|nope}", a=1)
