"""Providers of finished days, one file per upstream."""
