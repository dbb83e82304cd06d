from romans import from_roman, to_roman


def test_round_trip_without_four_in_a_row():
    for number in range(1, 4000):
        text = to_roman(number)
        assert from_roman(text) == number
        assert not any(letter * 4 in text for letter in "MDCLXVI"), text


def test_some_with_a_four():
    assert [to_roman(n) for n in (24, 444, 1994)] == ["XXIV", "CDXLIV", "MCMXCIV"]
