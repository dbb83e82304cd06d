from buildgraph.order import Cycle, order
from buildgraph.queries import dependants, roots

__all__ = ["Cycle", "dependants", "order", "roots"]
