"""Encoders in interpreters of their own: a worker process, what speaks to it, and the environments it runs in."""
