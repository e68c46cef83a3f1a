"""Signals of changes that administrators make."""

from blinker import signal

catalogue_changed = signal("omcrm-catalogue-changed")
"""Sent with the app after an instrument was added or changed."""
