"""Benchmarks and fault tests: each prints what it measured, next to a baseline."""
