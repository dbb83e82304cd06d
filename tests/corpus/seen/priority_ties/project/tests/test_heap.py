import pytest

from taskheap import TaskHeap


def test_order_of_priorities():
    heap = TaskHeap()
    heap.push({"do": "later"}, 5)
    heap.push({"do": "now"}, 1)
    assert heap.peek() == {"do": "now"}
    assert [task["do"] for task in heap.drain()] == ["now", "later"]


def test_equal_priorities():
    heap = TaskHeap()
    for name in ("first", "second", "third"):
        heap.push({"do": name})
    assert [task["do"] for task in heap.drain()] == ["first", "second", "third"]


def test_length():
    heap = TaskHeap()
    assert len(heap) == 0 and heap.peek() is None
    heap.push({})
    assert len(heap) == 1


def test_empty():
    with pytest.raises(IndexError):
        TaskHeap().pop()
