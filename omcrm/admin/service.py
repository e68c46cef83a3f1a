"""What administrators change, told to whoever depends on it."""

from blinker import signal

catalogue_changed = signal("omcrm-catalogue-changed")
"""Sent with the app after an instrument was added or altered."""
