from inventory import Warehouse


def test_the_report_follows_reservations():
    warehouse = Warehouse()
    warehouse.receive("a", 6, reorder_level=2)
    assert warehouse.low_stock() == []
    warehouse.order("a", 3)
    assert warehouse.low_stock() == []
    warehouse.order("a", 1)
    assert warehouse.low_stock() == ["a"]
    warehouse.ship("a", 4)
    assert warehouse.low_stock() == ["a"]
    warehouse.receive("a", 1)
    assert warehouse.low_stock() == []
