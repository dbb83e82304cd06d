import hashlib
import json


def make_key(name, params):
    """A short stable key for a query and its parameters."""
    text = json.dumps([name, params], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]
