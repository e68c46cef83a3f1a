"""One file per upstream."""
