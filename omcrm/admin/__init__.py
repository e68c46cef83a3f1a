"""What administrators do: feeds, instruments."""
