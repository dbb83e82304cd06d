import pytest

from notebook import Notebook
from notebook.tags import normalise, parse_tags


@pytest.fixture
def book():
    book = Notebook()
    book.write("learn #python today")
    book.write("buy milk").tag("Shopping List")
    return book


def test_normalise():
    assert normalise("#Shopping  List") == "shopping-list"


def test_parse():
    assert parse_tags("#a and #B and #a") == ["a", "b"]


def test_search(book):
    assert [note.text for note in book.with_tag("python")] == ["learn #python today"]


def test_search_is_not_case_sensitive(book):
    assert len(book.with_tag("Python")) == 1


def test_untag(book):
    book.notes[1].untag("SHOPPING list")
    assert book.with_tag("shopping-list") == []


def test_counts(book):
    book.write("#python again")
    assert book.tag_counts() == {"python": 2, "shopping-list": 1}
