"""Benchmarks: drover beside the GNU Shepherd, with the same configuration and in the same run.

``bench/run`` measures and prints a table; ``bench/run --help`` says what can be chosen.
"""
