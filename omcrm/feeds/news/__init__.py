"""News from RSS and Atom: asked for, read, made plain, and kept for whoever wants them."""
