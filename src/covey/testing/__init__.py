"""Fakes that ship with the package: deterministic stand-ins for engines, stores and sandboxes."""
