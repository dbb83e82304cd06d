import pytest

from httpmini.headers import MalformedHeader, parse_headers
from httpmini.request import parse_request


def test_simple_headers():
    headers = parse_headers("Accept: text/html\r\nX-Empty:\r\n\r\nbody")
    assert headers["accept"] == "text/html"
    assert headers["X-EMPTY"] == ""
    assert len(headers) == 2


def test_repeated():
    assert parse_headers("Via: a\nVia: b")["via"] == "a, b"


def test_no_colon():
    with pytest.raises(MalformedHeader):
        parse_headers("Nonsense")


def test_space_before_colon():
    with pytest.raises(MalformedHeader):
        parse_headers("Host : x")


def test_request_line():
    request = parse_request("GET /a?b=1&c HTTP/1.1\r\nAccept: */*\r\n\r\n")
    assert (request.method, request.path, request.query) == ("GET", "/a", {"b": "1", "c": ""})


def test_host_with_port():
    request = parse_request("GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n")
    assert request.headers["host"] == "localhost:8080"
