"""Adapters: other projects' audio models as HEAR modules, one file for each kind.

Each file is a HEAR module that imports numpy, torch and its own library and nothing of this project: copy one as a
start for a module of your own, or run it in an interpreter of its own. They keep to the syntax of Python 3.8.
"""
