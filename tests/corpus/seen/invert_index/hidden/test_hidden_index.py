from wordindex import build_index, search

DOCUMENTS = {f"d{n}": " ".join(w for k, w in enumerate(("ant", "bee", "cow"), 1) if n % k == 0) for n in range(1, 13)}


def test_many_documents():
    index = build_index(DOCUMENTS)
    assert len(index["ant"]) == 12
    assert index["cow"] == {"d3", "d6", "d9", "d12"}
    assert search(index, "bee cow") == ["d12", "d6"]
