"""BR-MRS graph: train, diagnose and inspect recommenders whose modalities disagree."""

__version__ = "0.1.0"
