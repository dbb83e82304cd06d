import unittest

from mailer.message import Message
from mailer.outbox import Outbox


class MessageTest(unittest.TestCase):
    def test_explicit_recipients(self):
        self.assertEqual(Message("hi", recipients=["bob"]).to("ann").recipients, ["bob", "ann"])

    def test_no_recipient_twice(self):
        self.assertEqual(Message("hi", recipients=["bob"]).to("bob").recipients, ["bob"])

    def test_messages_do_not_share_recipients(self):
        Message("first").to("ann")
        self.assertEqual(Message("second").recipients, [])

    def test_text(self):
        self.assertIn("To: a, b\n", Message("s", "b", ["a", "b"]).as_text())


class OutboxTest(unittest.TestCase):
    def test_send(self):
        sent = []
        self.assertEqual(Outbox(sent.append).send(Message("x", recipients=["a"])), 1)
        self.assertIn("Subject: x", sent[0])

    def test_failures_are_kept(self):
        def broken(text):
            raise OSError("no route")

        outbox = Outbox(broken)
        self.assertEqual(outbox.send(Message("x", recipients=["a"])), 0)
        self.assertEqual(outbox.failed[0][1], "no route")
