from calculator.evaluate import evaluate

__all__ = ["evaluate"]
