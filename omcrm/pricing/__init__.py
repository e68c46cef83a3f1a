"""Writes prices to the database, and fetches prices and days on request."""
