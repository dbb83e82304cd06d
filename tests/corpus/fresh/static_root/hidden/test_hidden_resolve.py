import pytest

from statics.resolve import Forbidden, Root


@pytest.mark.parametrize("request_path", ["../database", "x/../../data2/y", "../data.bak"])
def test_more_neighbours(request_path):
    with pytest.raises(Forbidden):
        Root("/srv/data").resolve(request_path)


@pytest.mark.parametrize("request_path", [".", "data", "a/..", "../data/x", "data-private"])
def test_still_inside(request_path):
    assert Root("/srv/data").resolve(request_path).startswith("/srv/data")
