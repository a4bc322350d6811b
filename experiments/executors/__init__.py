"""What carries out many training runs, each in a process of its own: on this machine, or on a Ray cluster."""
