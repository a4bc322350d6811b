"""The benchmark: each part is a file that measures one thing against its alternatives, side by side."""
