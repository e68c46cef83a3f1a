"""Frankfurter."""
