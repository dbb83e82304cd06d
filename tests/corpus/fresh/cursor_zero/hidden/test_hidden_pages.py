from apiclient.pages import fetch_all


def test_falsy_cursors_are_cursors():
    for cursor in (0, "", 0.0, ()):
        pages = {None: (["a"], cursor), cursor: (["b"], None)}
        assert list(fetch_all(pages.__getitem__)) == ["a", "b"]


def test_start_at_zero():
    assert list(fetch_all({0: ([1], 2), 2: ([3], None)}.__getitem__, start=0)) == [1, 3]
