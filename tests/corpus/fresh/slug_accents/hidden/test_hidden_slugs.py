from slugs import slugify


def test_more_letters():
    assert slugify("Ångström ÉÈÊ ñandú") == "angstrom-eee-nandu"
    assert slugify("ﬁnal ① Ⅷ") == "final-1-viii"
    assert slugify("cafe\u0301") == slugify("caf\u00e9") == "cafe"
    assert slugify("日本") == ""
