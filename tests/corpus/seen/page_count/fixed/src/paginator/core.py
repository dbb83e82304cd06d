from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    number: int
    items: list
    has_next: bool
    has_previous: bool


class Paginator:
    """Splits a sequence into pages, numbered from 1. An empty sequence has one empty page."""

    def __init__(self, items: Sequence, per_page: int = 10) -> None:
        if per_page < 1:
            raise ValueError("per_page must be positive")
        self.items = items
        self.per_page = per_page

    @property
    def pages(self) -> int:
        return max(1, -(-len(self.items) // self.per_page))

    def page(self, number: int) -> Page:
        if not 1 <= number <= self.pages:
            raise LookupError("page out of range")
        start = (number - 1) * self.per_page
        items = list(self.items[start : start + self.per_page])
        return Page(number, items, number < self.pages, number > 1)

    def __iter__(self):
        for number in range(1, self.pages + 1):
            yield self.page(number)
