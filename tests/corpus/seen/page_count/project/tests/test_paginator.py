import pytest

from paginator import Paginator


def test_exact_multiple():
    assert Paginator(range(20)).pages == 2


def test_empty_has_one_page():
    assert Paginator([]).pages == 1
    assert Paginator([]).page(1).items == []


def test_first_page():
    page = Paginator(list("abcdef"), per_page=3).page(1)
    assert page.items == ["a", "b", "c"]
    assert page.has_next and not page.has_previous


def test_partial_last_page():
    paginator = Paginator(range(25))
    assert paginator.pages == 3
    assert paginator.page(3).items == [20, 21, 22, 23, 24]
    assert not paginator.page(3).has_next


def test_out_of_range():
    with pytest.raises(LookupError):
        Paginator(range(20)).page(3)
    with pytest.raises(LookupError):
        Paginator(range(20)).page(0)
