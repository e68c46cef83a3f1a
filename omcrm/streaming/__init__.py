"""From the hub to a socket, without any web framework."""
