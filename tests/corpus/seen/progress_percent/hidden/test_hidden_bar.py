from progressbar import status, text


def test_every_percent():
    for done in range(101):
        assert status(done, 100) == f"{done}% ({done}/100)"
        assert text(done, 100, 20).count("#") == done // 5
    assert status(2, 3, "rows") == "66% (2/3 rows)"
    assert text(999, 1000).endswith(" 99%")
