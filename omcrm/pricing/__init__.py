"""Prices that are written down, and asked for on request."""
