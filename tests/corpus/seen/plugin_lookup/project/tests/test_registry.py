import pytest

from plugins import Registry, UnknownPlugin
from plugins.cli import describe


@pytest.fixture
def registry():
    registry = Registry()
    registry.register("csv")(dict)
    registry.register("json")(list)
    return registry


def test_names(registry):
    assert registry.names() == ["csv", "json"]


def test_made_once(registry):
    assert registry.get("csv") is registry.get("csv")


def test_twice(registry):
    with pytest.raises(ValueError):
        registry.register("csv")(set)


def test_describe(registry):
    assert describe(registry, "json") == "json: list"


def test_unknown(registry):
    assert describe(registry, "nope") == "unknown plug-in: nope (known: csv, json)"
