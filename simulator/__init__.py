"""The built-in exchange: a process of its own that serves the providers' wire formats."""
