from taskheap.heap import TaskHeap

__all__ = ["TaskHeap"]
