from .items import Item


class OutOfStock(Exception):
    pass


class Warehouse:
    def __init__(self):
        self._items = {}

    def receive(self, sku, quantity, reorder_level=None):
        item = self._items.setdefault(sku, Item(sku))
        item.on_hand += quantity
        if reorder_level is not None:
            item.reorder_level = reorder_level

    def order(self, sku, quantity):
        item = self._items[sku]
        if quantity > item.available:
            raise OutOfStock(f"{sku}: {item.available} available, {quantity} wanted")
        item.reserved += quantity

    def ship(self, sku, quantity):
        item = self._items[sku]
        if quantity > item.reserved:
            raise ValueError("only reserved goods can be shipped")
        item.reserved -= quantity
        item.on_hand -= quantity

    def low_stock(self):
        """Return the SKUs at or below their reorder level, sorted."""
        return sorted(item.sku for item in self._items.values() if item.on_hand <= item.reorder_level)

    def item(self, sku):
        return self._items[sku]
