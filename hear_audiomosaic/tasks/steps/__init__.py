"""The steps from a data set as it was published to a task folder, as hearpreprocess 2021.1.1 takes them.

:mod:`choice` (what the user means), :mod:`sources` (archives and folders -> where things are), the clips that a
preparer finds (:mod:`recipe`), :mod:`draw` (order, splits, subsampling), :mod:`clips` (cutting, padding, resampling,
in parallel), :mod:`tables` (the JSON and CSV files). The preparers themselves, one file per task, are in
:mod:`hear_audiomosaic.tasks.hear2021` and :mod:`hear_audiomosaic.tasks.papers`.
"""
