from editor import Document


def test_insert():
    document = Document("ac")
    document.insert("b", 1)
    document.insert("d")
    assert document.text == "abcd"


def test_delete_can_be_undone():
    document = Document("abcd")
    document.delete(1, 3)
    assert document.text == "ad"
    document.undo()
    assert document.text == "abcd"
    document.redo()
    assert document.text == "ad"


def test_insert_can_be_undone():
    document = Document()
    document.insert("a")
    document.insert("b")
    document.undo()
    assert document.text == "a"
    document.undo()
    assert document.text == ""


def test_nothing_to_undo():
    document = Document("x")
    document.undo()
    document.redo()
    assert document.text == "x"


def test_new_edit_forgets_the_future():
    document = Document("x")
    document.delete(0, 1)
    document.undo()
    document.delete(0, 0)
    document.redo()
    assert document.text == "x"
