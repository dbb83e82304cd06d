from itertools import product

from docshare.model import Document, User
from docshare.policy import may_edit


def test_the_whole_truth_table():
    owner, editor, stranger = User("o"), User("e"), User("s")
    for shared, locked in product((False, True), repeat=2):
        document = Document("t", owner, shared=shared, locked=locked, editors={editor})
        assert may_edit(owner, document) is (not locked)
        assert may_edit(editor, document) is (shared and not locked)
        assert may_edit(stranger, document) is False
