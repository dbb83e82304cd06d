from batches import chunked, upload


def test_nothing_is_lost_and_nothing_is_empty():
    for count in range(12):
        for size in range(1, 6):
            chunks = list(chunked(iter(range(count)), size))
            assert sum(chunks, []) == list(range(count))
            assert all(1 <= len(chunk) <= size for chunk in chunks)


def test_fewer_than_one_batch():
    sent = []
    assert upload(["a", "b"], sent.append) == 2
    assert sent == [["a", "b"]]
