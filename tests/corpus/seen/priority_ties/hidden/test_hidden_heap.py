from taskheap import TaskHeap


def test_stable_for_comparable_tasks_too():
    heap = TaskHeap()
    for task in ("z", "y", "x"):
        heap.push(task, 3)
    heap.push("a", 9)
    heap.push("b", 1)
    assert list(heap.drain()) == ["b", "z", "y", "x", "a"]


def test_stable_after_pops():
    heap = TaskHeap()
    heap.push({"n": 1})
    heap.push({"n": 2})
    assert heap.pop() == {"n": 1}
    heap.push({"n": 3})
    assert [task["n"] for task in heap.drain()] == [2, 3]
