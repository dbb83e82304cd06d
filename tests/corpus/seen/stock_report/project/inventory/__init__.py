from .items import Item
from .warehouse import OutOfStock, Warehouse

__all__ = ["Item", "OutOfStock", "Warehouse"]
