from dataclasses import dataclass


@dataclass
class Item:
    sku: str
    on_hand: int = 0
    reserved: int = 0
    reorder_level: int = 0

    @property
    def available(self):
        return self.on_hand - self.reserved
