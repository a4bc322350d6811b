"""Hyper-parameter search with Optuna: search spaces, studies with a shared budget, trials, results."""
