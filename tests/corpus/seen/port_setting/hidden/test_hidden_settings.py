import pytest

from service.errors import SettingsError
from service.settings import Settings


@pytest.mark.parametrize("value", ["", "1.5", "eight", None, [], {}])
def test_bad_values(value):
    with pytest.raises(SettingsError) as caught:
        Settings.load({"workers": value})
    assert caught.value.name == "workers"
    assert "not a whole number" in str(caught.value)
