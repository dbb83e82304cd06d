from tinytemplate.render import render

__all__ = ["render"]
