"""Delivery from the hub to sockets, without any web framework."""
