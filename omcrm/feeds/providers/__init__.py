"""One folder per upstream."""
