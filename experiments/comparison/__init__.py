"""Comparisons: how runs are carried out, what is kept of them, what follows from them, and how it is shown."""
