from urlquery import build_query, first, parse_query


def test_round_trip():
    query = {"a": ["1", "2", "2", ""], "b": ["x y"], "ü": ["&=", "+"]}
    assert parse_query(build_query(query)) == query
    assert first(parse_query("n=1&n=2&n=3"), "n") == "1"
