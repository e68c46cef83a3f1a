"""Faults played on purpose against the built-in exchange, and a measurement of how the feeds handle
them."""
