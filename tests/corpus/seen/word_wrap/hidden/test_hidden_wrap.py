from textwrapper import paragraphs, wrap


def test_wrapping_keeps_all_paragraphs():
    text = "\n\n".join(f"paragraph {n} with a few words" for n in range(5))
    assert paragraphs(wrap(text, 10)) == paragraphs(text)
    assert wrap(wrap(text, 12), 12) == wrap(text, 12)


def test_blank_text():
    assert wrap(" \n\n ") == ""
