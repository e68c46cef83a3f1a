"""What belongs to no other room: the start page, error pages, health."""
