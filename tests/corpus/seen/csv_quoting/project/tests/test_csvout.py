from csvout import write
from csvout.cells import encode


def test_plain():
    assert write([{"a": 1, "b": "x"}], ["a", "b"]) == "a,b\r\n1,x\r\n"


def test_empty_cells():
    assert write([{"b": None}], ["a", "b"], header=False) == ",\r\n"


def test_types():
    assert [encode(v) for v in (True, 0.5, 3)] == ["yes", "0.5", "3"]


def test_comma():
    assert encode("a,b") == '"a,b"'


def test_blanks_at_the_ends():
    assert encode(" a") == '" a"'


def test_quotes():
    assert encode('5" disk') == '"5"" disk"'


def test_quotes_and_comma():
    assert encode('say "hi", twice') == '"say ""hi"", twice"'
