"""Massive."""
