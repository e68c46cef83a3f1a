"""The administrators' pages: feeds, instruments."""
