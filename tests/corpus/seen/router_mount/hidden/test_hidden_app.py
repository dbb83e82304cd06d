from microroute import App
from microroute.paths import join


def test_join_has_single_slashes():
    assert join("/a/", "/b/", "c/") == "/a/b/c"
    assert join("/") == "/"
    assert join("a//", "//b") == "/a/b"


def test_nested_mounts():
    inner, middle, outer = App(), App(), App()
    inner.route("/x/")(lambda: "x")
    middle.mount("in/", inner)
    outer.mount("/mid/", middle)
    assert outer.dispatch("/mid/in/x") == "x"
