from tinytemplate import render


def test_chains_with_default():
    assert render("{a|default:x y|upper}", a="") == "X Y"
    assert render("{a|default:x|upper}", a="b") == "B"
    assert render("{a|default:x}", a=0) == "0"
    assert render("{a|default:}") == ""
