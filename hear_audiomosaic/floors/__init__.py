"""Floors: representations without learning, which keep every learnt one honest."""
