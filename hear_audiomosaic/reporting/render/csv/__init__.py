"""CSV: printed tables, and every result with all its digits."""
