from numbers_l10n.convert import format_number, parse_number


def test_round_trip():
    for language in ("en", "de", "fr"):
        for number in (0, 0.25, 999, 1000, -1234.5, 9876543.21):
            assert parse_number(format_number(number, language), language) == number


def test_whole_thousands():
    assert parse_number("1.234", "de") == 1234
    assert parse_number("1.000.000", "de") == 1000000
