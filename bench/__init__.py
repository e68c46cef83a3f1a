"""Measures what the documents claim: `make bench`."""
