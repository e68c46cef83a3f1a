"""The built-in exchange: a process of its own that speaks the upstreams' wire formats."""
