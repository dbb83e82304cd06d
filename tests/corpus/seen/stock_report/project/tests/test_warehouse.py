import pytest

from inventory import OutOfStock, Warehouse


@pytest.fixture
def warehouse():
    warehouse = Warehouse()
    warehouse.receive("bolt", 10, reorder_level=3)
    warehouse.receive("nut", 2, reorder_level=5)
    return warehouse


def test_low_on_the_shelf(warehouse):
    assert warehouse.low_stock() == ["nut"]


def test_reserved_goods_do_not_count(warehouse):
    warehouse.order("bolt", 9)
    assert warehouse.low_stock() == ["bolt", "nut"]


def test_order_more_than_available(warehouse):
    warehouse.order("bolt", 8)
    with pytest.raises(OutOfStock):
        warehouse.order("bolt", 3)


def test_ship(warehouse):
    warehouse.order("bolt", 4)
    warehouse.ship("bolt", 4)
    assert warehouse.item("bolt").on_hand == 6
    assert warehouse.item("bolt").available == 6


def test_ship_only_reserved(warehouse):
    with pytest.raises(ValueError):
        warehouse.ship("bolt", 1)
