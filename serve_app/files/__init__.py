"""Whole files: planned into windows, decoded many at a time, put together in order."""
