"""The HTTP server: the same under `run.py` and gunicorn, and for every kind of threads."""
