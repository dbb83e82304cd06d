import pytest

from docshare.model import Document, User
from docshare.policy import may_delete, may_edit, may_read

ANN, BOB, EVE = User("ann"), User("bob"), User("eve")
ROOT = User("root", admin=True)


@pytest.fixture
def document():
    return Document("plan", ANN, editors={BOB}, readers={EVE})


def test_owner_edits(document):
    assert may_edit(ANN, document)


def test_owner_waits_while_locked(document):
    document.locked = True
    assert not may_edit(ANN, document)
    assert not may_delete(ANN, document)


def test_admin_always_edits(document):
    document.locked = True
    assert may_edit(ROOT, document)


def test_editor_edits_a_shared_document(document):
    assert not may_edit(BOB, document)
    document.shared = True
    assert may_edit(BOB, document)


def test_reader_reads_only(document):
    document.shared = True
    assert may_read(EVE, document)
    assert not may_edit(EVE, document)


def test_nobody_edits_a_locked_shared_document(document):
    document.shared = document.locked = True
    assert not may_edit(BOB, document)
    assert not may_edit(ANN, document)
