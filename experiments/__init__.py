"""The commands: ``python -m experiments.run`` and its companions."""
