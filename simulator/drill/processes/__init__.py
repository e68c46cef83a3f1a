"""Faults of an installation of several processes, played with figures."""
