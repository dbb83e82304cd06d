from linalg import Matrix, identity


def test_outer_product():
    assert (Matrix([[1], [2]]) @ Matrix([[3, 4, 5]])).to_lists() == [[3, 4, 5], [6, 8, 10]]


def test_inner_product():
    assert (Matrix([[1, 2, 3]]) @ Matrix([[4], [5], [6]])).to_lists() == [[32]]


def test_wide_identity():
    wide = Matrix([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert identity(2) @ wide == wide
    assert wide @ identity(4) == wide
