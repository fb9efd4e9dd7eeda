"""The fast trainer: all grid points, folds and seeds of a protocol as one computation."""
