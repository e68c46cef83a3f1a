"""From an upstream's frames to ticks, without any web framework or database."""
