"""News from RSS and Atom: fetched, parsed, converted to plain text, and stored."""
