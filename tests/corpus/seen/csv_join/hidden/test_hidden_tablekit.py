from tablekit.join import left_join

STOCK = [{"sku": 1, "qty": 5}, {"sku": 2, "qty": 0}]
PRICES = [{"sku": 2, "price": 9, "currency": "EUR"}]


def test_fill_value():
    assert left_join(STOCK, PRICES, "sku", fill="") == [
        {"sku": 1, "qty": 5, "price": "", "currency": ""},
        {"sku": 2, "qty": 0, "price": 9, "currency": "EUR"},
    ]


def test_all_rows_have_the_same_columns():
    assert {frozenset(row) for row in left_join(STOCK, PRICES, "sku")} == {frozenset({"sku", "qty", "price", "currency"})}
