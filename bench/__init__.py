"""Benchmarks: ratios within one run, printed next to their goals."""
