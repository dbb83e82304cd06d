from itertools import product

from shellwords import quote, split


def test_round_trip():
    words = ["", "a", "a b", "it's", '"', "\\", " "]
    for arguments in product(words, repeat=3):
        assert split(" ".join(map(quote, arguments))) == list(arguments)


def test_only_blanks():
    assert split("   ") == []
    assert split("'' ''") == ["", ""]
    assert split("a''") == ["a"]
