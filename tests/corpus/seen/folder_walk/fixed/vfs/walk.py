from fnmatch import fnmatch

from vfs.nodes import Folder


def walk(folder):
    """Yield all files below ``folder``, in order."""
    for entry in folder.entries:
        if isinstance(entry, Folder):
            yield from walk(entry)
        else:
            yield entry


def total_size(folder):
    return sum(file.size for file in walk(folder))


def find_files(folder, pattern):
    return [file.name for file in walk(folder) if fnmatch(file.name, pattern)]
