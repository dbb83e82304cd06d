import unittest

from mailer.message import Message


class HiddenMessageTest(unittest.TestCase):
    def test_three_messages(self):
        messages = [Message(str(n)).to(str(n)) for n in range(3)]
        self.assertEqual([m.recipients for m in messages], [["0"], ["1"], ["2"]])
        self.assertIn("To: undisclosed", Message("x").as_text())

    def test_explicit_lists_are_used(self):
        self.assertEqual(Message("x", recipients=["a"]).to("b").as_text().splitlines()[0], "To: a, b")
