import pytest

from plugins import Registry, UnknownPlugin


def test_empty_registry():
    with pytest.raises(UnknownPlugin) as caught:
        Registry().get("x")
    assert caught.value.name == "x"
    assert str(caught.value) == "unknown plug-in: x (known: )"


def test_errors_of_a_factory_are_its_own():
    registry = Registry()

    @registry.register("broken")
    def broken():
        raise KeyError("inner")

    with pytest.raises(KeyError, match="inner"):
        registry.get("broken")
