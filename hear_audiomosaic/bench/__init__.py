"""The unified runner: encoders x tasks x protocols -> result files.

Import its modules by name: :mod:`~hear_audiomosaic.results.schema` needs no torch, the others do.
"""
