"""The unified runner: encoders x tasks x protocols -> result files.

Import its modules by name: :mod:`~hear_audiomosaic.bench.result` needs no torch, the others do.
"""
