"""Faults played on purpose against the built-in exchange, and how the feeds come through them."""
