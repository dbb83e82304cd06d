import csv
import io

from csvout import write


def test_the_standard_library_reads_it_back():
    cells = ["", "a", '"', '""', 'a"b', "x,y", 'q",', "two\nlines", " pad ", "'"]
    rows = [{"one": a, "two": b} for a in cells for b in cells]
    text = write(rows, ["one", "two"])
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == rows
