"""The HTTP server: one for `run.py` and gunicorn, and for every kind of threads."""
