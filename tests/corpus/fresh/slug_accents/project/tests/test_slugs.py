from slugs import slugify, unique_slug


def test_plain():
    assert slugify("Hello, World!") == "hello-world"


def test_special_letters():
    assert slugify("Große Straße") == "grosse-strasse"
    assert slugify("Łódź na mapie").startswith("lod")


def test_accents():
    assert slugify("Crème Brûlée") == "creme-brulee"


def test_apostrophe():
    assert slugify("it's me", "_") == "its_me"


def test_unique():
    assert unique_slug("A b", {"a-b", "a-b-2"}) == "a-b-3"
    assert unique_slug("!!!", set()) == "untitled"
