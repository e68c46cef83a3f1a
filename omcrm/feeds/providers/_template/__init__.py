"""Copy me: a provider that streams over a WebSocket."""
