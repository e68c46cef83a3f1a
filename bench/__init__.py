"""Benchmarks behind the figures in the documents: `make bench`."""
