import pytest

from microroute import App, NotFound
from microroute.paths import join


@pytest.fixture
def api():
    app = App()
    app.route("/users")(lambda: "list")
    app.route("/users/<int:number>")(lambda number: f"user {number + 1}")
    app.route("/files/<name>")(lambda name: name)
    return app


def test_dispatch(api):
    assert api.dispatch("/users") == "list"
    assert api.dispatch("/users/41") == "user 42"
    assert api.dispatch("/files/a.txt") == "a.txt"


def test_not_found(api):
    with pytest.raises(NotFound):
        api.dispatch("/users/x")


def test_mount(api):
    site = App()
    site.mount("/v1", api)
    assert site.dispatch("/v1/users") == "list"


def test_mount_with_a_slash_at_the_end(api):
    site = App()
    site.mount("/api/", api)
    assert site.dispatch("/api/users") == "list"


def test_join():
    assert join("a", "/b") == "/a/b"
    assert join() == "/"
