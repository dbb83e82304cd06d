from paginator import Paginator


def test_nothing_is_lost_and_no_page_is_empty():
    for count in range(1, 40):
        for per_page in (1, 3, 7, 10):
            pages = list(Paginator(range(count), per_page))
            assert [item for page in pages for item in page.items] == list(range(count))
            assert all(page.items for page in pages)
