from sqlbuild import Select, select


def test_limit_with_offset():
    assert select().from_("t").limit(10, 20).sql() == "SELECT * FROM t LIMIT 10 OFFSET 20"
    assert select().limit(0).from_("t").sql() == "SELECT * FROM t LIMIT 0"


def test_every_step_returns_the_same_builder():
    query = Select("a")
    assert query.from_("t") is query
    assert query.where("x") is query
    assert query.order_by("a") is query
    assert query.limit(1) is query
