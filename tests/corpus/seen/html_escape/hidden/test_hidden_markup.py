import html

from markup.escape import escape


def test_all_five():
    assert escape("'") == "&#39;"
    text = """<b class='x' title="y">Tom & Jerry's</b>"""
    assert not set(escape(text)) & set("<>\"'")
    assert html.unescape(escape(text)) == text
