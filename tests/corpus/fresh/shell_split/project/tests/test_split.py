import pytest

from shellwords import quote, split
from shellwords.split import Unbalanced


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b\tc ", ["a", "b", "c"]),
        ("'a b' c", ["a b", "c"]),
        ("a\\ b", ["a b"]),
        ("x'y'\"z\"", ["xyz"]),
        ("", []),
    ],
)
def test_split(text, words):
    assert split(text) == words


def test_empty_argument():
    assert split('run "" x') == ["run", "", "x"]


def test_empty_argument_at_the_end():
    assert split("run ''") == ["run", ""]


def test_unbalanced():
    with pytest.raises(Unbalanced):
        split("'a")


def test_quote():
    assert quote("a b") == "'a b'"
    assert quote("abc") == "abc"
    assert quote("") == "''"
