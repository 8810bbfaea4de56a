"""Benchmarks: drover beside the GNU Shepherd and others, with the same services, in the same run.

``bench/run`` measures and prints tables; ``bench/run --help`` says what can be chosen.
"""
