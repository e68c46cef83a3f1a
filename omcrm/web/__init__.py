"""What belongs to no area: the front door, error pages, health."""
