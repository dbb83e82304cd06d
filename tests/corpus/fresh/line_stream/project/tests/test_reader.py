import asyncio

import pytest

from streamlines import lines
from streamlines.reader import count


async def stream(*chunks):
    for chunk in chunks:
        yield chunk


def collect(*chunks):
    async def work():
        return [line async for line in lines(stream(*chunks))]

    return asyncio.run(work())


def test_complete_lines():
    assert collect(b"a\nb\n") == ["a", "b"]


def test_cut_anywhere():
    assert collect(b"a", b"b\nc\xc3", b"\xa9\n") == ["ab", "cé"]


def test_windows():
    assert collect(b"a\r\n", b"\r\n") == ["a", ""]


def test_last_line():
    assert collect(b"a\nb") == ["a", "b"]


def test_nothing():
    assert collect() == []


def test_broken_encoding():
    with pytest.raises(UnicodeDecodeError):
        collect(b"a\n\xc3")


def test_count():
    assert asyncio.run(count(stream(b"x y\ny\n"), "y")) == 2
