from textwrapper import paragraphs, wrap


def test_paragraphs():
    assert paragraphs("a\nb\n\n\n c ") == ["a b", "c"]


def test_short():
    assert wrap("one  two") == "one two"


def test_width():
    assert wrap("aaa bbb ccc", 7) == "aaa bbb\nccc"


def test_long_word():
    assert wrap("a bbbbbbbb c", 4) == "a\nbbbbbbbb\nc"


def test_nothing():
    assert wrap("") == ""


def test_two_paragraphs():
    assert wrap("one\n\ntwo three", 4) == "one\n\ntwo\nthree"
