"""Precedence climbing. A tree is a number or a tuple (operator, left, right)."""

from calculator.tokens import tokenise

LEFT, RIGHT = "left", "right"
OPERATORS = {"+": (1, LEFT), "-": (1, LEFT), "*": (2, LEFT), "/": (2, LEFT), "^": (3, RIGHT)}


class Parser:
    def __init__(self, text):
        self._tokens = list(tokenise(text))
        self._position = 0

    @property
    def _current(self):
        return self._tokens[self._position]

    def _advance(self):
        token = self._current
        self._position += 1
        return token

    def parse(self):
        tree = self._expression(1)
        if self._current[0] != "end":
            raise SyntaxError(f"unexpected {self._current[1]!r}")
        return tree

    def _expression(self, lowest):
        left = self._atom()
        while self._current[1] in OPERATORS:
            precedence, side = OPERATORS[self._current[1]]
            if precedence < lowest:
                break
            operator = self._advance()[1]
            right = self._expression(precedence if side == RIGHT else precedence + 1)
            left = (operator, left, right)
        return left

    def _atom(self):
        kind, text = self._advance()
        if kind == "number":
            return float(text)
        if text == "(":
            tree = self._expression(1)
            if self._advance()[1] != ")":
                raise SyntaxError("missing )")
            return tree
        if text == "-":
            return ("-", 0.0, self._expression(2))
        raise SyntaxError(f"unexpected {text or 'end'!r}")
