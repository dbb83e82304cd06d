from retrying.backoff import delays
from retrying.call import GiveUp, call

__all__ = ["GiveUp", "call", "delays"]
