"""The messages that leave and enter, as types."""
