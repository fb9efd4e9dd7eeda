"""Computed from a comparison: intervals, paired tests, ranks, curves, correlations, errors by class, mistakes."""
