from urlquery import build_query, first, parse_query


def test_simple():
    assert parse_query("?a=1&b=&c") == {"a": ["1"], "b": [""], "c": [""]}


def test_quoting():
    assert parse_query("q=a+b%26c%C3%A9") == {"q": ["a b&cé"]}
    assert build_query({"q": ["a b&cé"]}) == "q=a%20b%26c%C3%A9"


def test_repeated():
    assert parse_query("tag=a&x=1&tag=b") == {"tag": ["a", "b"], "x": ["1"]}


def test_first():
    assert first(parse_query("a=1"), "a") == "1"
    assert first({}, "a", "-") == "-"


def test_empty():
    assert parse_query("") == {}
