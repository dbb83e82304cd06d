from httpmini.headers import parse_headers


def test_many_colons():
    headers = parse_headers("Date: Mon, 01 Jan 2024 10:00:00 GMT\nLocation: https://x.test:1/a:b\nA: :")
    assert headers["date"] == "Mon, 01 Jan 2024 10:00:00 GMT"
    assert headers["location"] == "https://x.test:1/a:b"
    assert headers["a"] == ":"
