from vfs.nodes import File, Folder
from vfs.walk import find_files, total_size, walk


def flat():
    return Folder("home").add(File("a.txt", 3), File("b.py", 4))


def test_flat():
    assert [file.name for file in walk(flat())] == ["a.txt", "b.py"]


def test_size():
    assert total_size(flat()) == 7


def test_empty():
    assert total_size(Folder("empty")) == 0


def test_pattern():
    assert find_files(flat(), "*.py") == ["b.py"]


def test_sub_folder():
    root = Folder("/").add(flat(), File("c", 1))
    assert [file.name for file in walk(root)] == ["a.txt", "b.py", "c"]
