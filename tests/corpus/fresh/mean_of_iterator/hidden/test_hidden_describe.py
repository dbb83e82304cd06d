from describe import describe
from describe.text import line


def test_same_as_a_list():
    for numbers in ([1], [3, 1, 2], [0, 0], [-5, 5, 2.5], []):
        assert describe(iter(numbers)) == describe(numbers)
        assert describe(map(float, numbers)) == describe(numbers)
    assert line("it", iter([1, 3])) == line("it", [1, 3])
