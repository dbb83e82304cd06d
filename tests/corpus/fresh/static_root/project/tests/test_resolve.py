import pytest

from statics.resolve import Forbidden, Root
from statics.types import content_type


@pytest.fixture
def root():
    return Root("/srv/data/")


@pytest.mark.parametrize(
    ("request_path", "expected"),
    [("a.txt", "/srv/data/a.txt"), ("/b/../c", "/srv/data/c"), ("", "/srv/data"), ("..data", "/srv/data/..data")],
)
def test_inside(root, request_path, expected):
    assert root.resolve(request_path) == expected


@pytest.mark.parametrize("request_path", ["../x", "/../../etc/passwd", "a/../../y"])
def test_outside(root, request_path):
    with pytest.raises(Forbidden):
        root.resolve(request_path)


def test_neighbour(root):
    with pytest.raises(Forbidden):
        root.resolve("../data-private/keys")


def test_relative(root):
    assert root.relative(root.resolve("x/y")) == "x/y"


def test_types():
    assert content_type("/a.b/page.HTML") == "text/html"
    assert content_type("/a.b/readme") == "application/octet-stream"
