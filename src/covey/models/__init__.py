"""Language models: what a file needs, what fits, engines that run it, and answers that hold what was asked.

``gguf``, ``shape``, ``plan``, ``memory``: from a model file to a start-up that fits · ``process``, ``worker``,
``llamaclient``, ``backends/``: engines, one a file · ``residency``, ``scheduler``, ``pool``: which model is in memory
when · ``schema``, ``structured``, ``edits``: answers valid by construction · ``ledger``, ``context``: prompts that
only grow and never overflow · ``catalogue``, ``download``: which model, from where · ``measure``: what an engine does.
"""
