import unittest

from bank.account import Account


class HiddenAccountTest(unittest.TestCase):
    def test_money_is_conserved_and_moves(self):
        a, b, c = Account("a", 50), Account("b", 0), Account("c", 7)
        a.transfer(b, 20)
        b.transfer(c, 15)
        c.transfer(a, 1)
        self.assertEqual([x.balance for x in (a, b, c)], [31, 5, 21])
        self.assertEqual(a.history, [("to b", -20), ("from c", 1)])
