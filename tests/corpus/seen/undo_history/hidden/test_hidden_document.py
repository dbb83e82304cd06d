from editor import Document


def test_all_the_way_back_and_forth():
    document = Document()
    states = [""]
    for word in ("one ", "two ", "three "):
        document.insert(word)
        states.append(document.text)
    for state in reversed(states[:-1]):
        document.undo()
        assert document.text == state
    for state in states[1:]:
        document.redo()
        assert document.text == state


def test_mixed():
    document = Document("hello")
    document.delete(0, 1)
    document.insert("J", 0)
    document.undo()
    assert document.text == "ello"
    document.undo()
    assert document.text == "hello"
