"""The bundle that ships with each patch, and the check that anyone can repeat."""
