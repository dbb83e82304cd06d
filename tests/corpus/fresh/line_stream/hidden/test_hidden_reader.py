import asyncio

from streamlines import lines
from streamlines.reader import count


async def stream(*chunks):
    for chunk in chunks:
        yield chunk


async def collect(*chunks):
    return [line async for line in lines(stream(*chunks))]


def test_same_as_split():
    for text in ("x", "x\n\ny", "\nlast", "one\ntwo\nthree"):
        data = text.encode()
        assert asyncio.run(collect(*(data[i : i + 1] for i in range(len(data))))) == text.split("\n")
    assert asyncio.run(count(stream(b"a b", b" c"), "c")) == 1
    assert asyncio.run(collect(b"a\n")) == ["a"]
