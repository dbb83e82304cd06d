from secrets_text import mask, mask_mapping


def test_default():
    assert mask("1234567890") == "******7890"


def test_two():
    assert mask("secret", visible=2) == "****et"


def test_short():
    assert mask("abc", visible=4) == "abc"


def test_nothing_visible():
    assert mask("secret", visible=0) == "******"


def test_mapping():
    values = {"user": "ann", "API_Token": "abcdef"}
    assert mask_mapping(values, visible=1) == {"user": "ann", "API_Token": "*****f"}
