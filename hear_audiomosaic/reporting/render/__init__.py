"""One folder a format: ``markdown``, ``latex``, ``csv`` and ``html``.

In each of them ``tables`` writes any table of the one model (:mod:`~hear_audiomosaic.reporting.tables.model`) and knows
nothing of what it is about, ``report`` the whole report, and ``text`` makes any words safe in that format. A further
format needs one file: a function from a table to text.
"""
