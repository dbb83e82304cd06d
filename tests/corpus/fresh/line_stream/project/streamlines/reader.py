import codecs


async def lines(chunks, encoding="utf-8"):
    """Yield the lines of an async iterable of bytes, without line ends."""
    decoder = codecs.getincrementaldecoder(encoding)()
    rest = ""
    async for chunk in chunks:
        rest += decoder.decode(chunk)
        *complete, rest = rest.split("\n")
        for line in complete:
            yield line.removesuffix("\r")
    rest += decoder.decode(b"", final=True)


async def count(chunks, word):
    """How many lines contain a word."""
    found = 0
    async for line in lines(chunks):
        found += word in line.split()
    return found
