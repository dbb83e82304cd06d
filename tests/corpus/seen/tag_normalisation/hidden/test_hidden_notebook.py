from notebook import Notebook


def test_search_accepts_what_tagging_accepts():
    book = Notebook()
    note = book.write("x").tag("To Do")
    for spelling in ("To Do", "to do", "#to-do", "TO-DO", "to-do"):
        assert book.with_tag(spelling) == [note], spelling
    assert book.with_tag("todo") == []
