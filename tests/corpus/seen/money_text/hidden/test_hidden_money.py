from money import Money, format_cents, parse_cents


def test_small_amounts():
    assert [format_cents(n) for n in (0, 1, 9, 10, -5, 100)] == ["0.00", "0.01", "0.09", "0.10", "-0.05", "1.00"]


def test_round_trip():
    for cents in range(-1100, 1100, 7):
        assert parse_cents(format_cents(cents)) == cents
    assert str(Money(300007)) == "3,000.07 EUR"
