from wordindex import build_index, search
from wordindex.words import words


def test_words():
    assert words("The cat and the CAT's hat") == ["cat", "cat's", "hat"]


def test_single_document():
    assert build_index({"a": "red fish"}) == {"red": {"a"}, "fish": {"a"}}


def test_empty():
    assert build_index({}) == {}
    assert search({}, "x") == []


def test_several_documents():
    index = build_index({"a": "red fish", "b": "blue fish"})
    assert index["fish"] == {"a", "b"}
    assert index["red"] == {"a"}


def test_search():
    index = build_index({"a": "red fish", "b": "blue fish", "c": "red bird"})
    assert search(index, "fish") == ["a", "b"]
    assert search(index, "the red fish") == ["a"]
    assert search(index, "dog") == []
