from vfs.nodes import File, Folder
from vfs.walk import find_files, total_size


def test_deep():
    folder = Folder("0").add(File("x0.py", 1))
    for depth in range(1, 6):
        folder = Folder(str(depth)).add(folder, File(f"x{depth}.py", 1))
    assert total_size(folder) == 6
    assert find_files(folder, "x?.py") == [f"x{depth}.py" for depth in range(6)]


def test_empty_sub_folder():
    assert total_size(Folder("a").add(Folder("b"), File("f", 2))) == 2
