"""The words of the house, its seams and its error tree. No I/O; standard library and pydantic only."""
