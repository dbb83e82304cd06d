import pytest

from sqlbuild import select


def test_plain():
    assert select().from_("t").sql() == "SELECT * FROM t"


def test_conditions():
    sql = select("a", "b").from_("t").where("a > 1").where("b = 2 OR b = 3").sql()
    assert sql == "SELECT a, b FROM t WHERE (a > 1) AND (b = 2 OR b = 3)"


def test_order():
    assert select().from_("t").order_by("a").order_by("b", descending=True).sql().endswith("ORDER BY a, b DESC")


def test_limit():
    assert select("a").from_("t").limit(5).where("x").sql() == "SELECT a FROM t WHERE (x) LIMIT 5"


def test_limit_is_checked():
    with pytest.raises(ValueError):
        select().from_("t").limit(-1)


def test_table_is_needed():
    with pytest.raises(ValueError):
        select("a").sql()
