"""What is worked out from a comparison: intervals, paired tests, ranks, curves, errors by class, mistakes."""
