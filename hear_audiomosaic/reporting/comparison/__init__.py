"""The comparison itself: which encoder scored what on which task, where it was measured, what is missing."""
