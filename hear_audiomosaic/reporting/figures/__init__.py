"""The figures of a report, as SVG: one file for each kind; ``collect.py`` says which a report has."""
