import pytest

from linalg import Matrix, identity


def test_shape():
    assert Matrix([[1, 2, 3], [4, 5, 6]]).shape == (2, 3)


def test_square_product():
    assert (Matrix([[1, 2], [3, 4]]) @ Matrix([[0, 1], [1, 0]])).to_lists() == [[2, 1], [4, 3]]


def test_identity_is_neutral():
    matrix = Matrix([[1, 2], [3, 4]])
    assert identity(2) @ matrix == matrix


def test_matrix_times_column():
    assert (Matrix([[1, 2, 3], [4, 5, 6]]) @ Matrix([[1], [2], [3]])).to_lists() == [[14], [32]]


def test_incompatible():
    with pytest.raises(ValueError):
        Matrix([[1, 2]]) @ Matrix([[1, 2]])


def test_ragged():
    with pytest.raises(ValueError):
        Matrix([[1, 2], [3]])


def test_transpose():
    assert Matrix([[1, 2, 3]]).transpose().to_lists() == [[1], [2], [3]]
