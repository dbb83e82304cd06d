"""Tools that a model may ask for, one a file; :mod:`covey.agents.tools.table` says which role may use which."""
