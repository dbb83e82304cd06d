"""One engine a file. Only :mod:`covey.app` builds them."""
