import unittest

from bank.account import Account
from bank.errors import InsufficientFunds


class AccountTest(unittest.TestCase):
    def setUp(self):
        self.alice = Account("alice", 100)
        self.bob = Account("bob", 5, overdraft=20)

    def test_deposit(self):
        self.alice.deposit(10)
        self.assertEqual(self.alice.balance, 110)

    def test_overdraft(self):
        self.bob.withdraw(25)
        self.assertEqual(self.bob.balance, -20)
        with self.assertRaises(InsufficientFunds):
            self.bob.withdraw(1)

    def test_amounts_are_positive(self):
        with self.assertRaises(ValueError):
            self.alice.deposit(0)

    def test_transfer(self):
        self.alice.transfer(self.bob, 30)
        self.assertEqual((self.alice.balance, self.bob.balance), (70, 35))
        self.assertEqual(self.bob.history, [("from alice", 30)])

    def test_failed_transfer_changes_nothing(self):
        with self.assertRaises(InsufficientFunds):
            self.alice.transfer(self.bob, 101)
        self.assertEqual((self.alice.balance, self.bob.balance), (100, 5))
