import operator

from calculator.parser import Parser

_FUNCTIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
}


def _value(tree):
    if isinstance(tree, tuple):
        name, left, right = tree
        return _FUNCTIONS[name](_value(left), _value(right))
    return tree


def evaluate(text):
    return _value(Parser(text).parse())
