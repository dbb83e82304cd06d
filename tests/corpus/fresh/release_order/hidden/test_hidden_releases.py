from releases.listing import between, newest


def test_numbers_everywhere():
    assert newest(["v9.9.9", "v10.0.0", "v9.10.11"]) == "v10.0.0"
    assert newest(["2024.1", "999.9"]) == "2024.1"
    assert newest(["1.0rc9", "1.0rc10"], pre=True) == "1.0rc10"
    assert between(["1.9", "1.10", "1.11", "1.2"], "1.9", "1.11") == ["1.9", "1.10"]
