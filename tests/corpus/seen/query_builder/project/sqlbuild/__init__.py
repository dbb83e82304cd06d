from sqlbuild.select import Select, select

__all__ = ["Select", "select"]
