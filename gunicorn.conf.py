"""How gunicorn serves OMCRM: `gunicorn --worker-class eventlet -w 1 wsgi:app`."""

import os

from gunicorn.workers import SUPPORTED_WORKERS as _WORKERS

# gunicorn 26 dropped its own.
_WORKERS["eventlet"] = "omcrm.eventlet_worker.EventletWorker"

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '5000')}"
worker_class = os.environ.get("OMCRM_ASYNC", "eventlet").replace("threading", "gthread")
# One process holds the feeds and its own browsers; more processes are more gunicorns.
workers = 1
threads = 200
worker_connections = 20_000
# Open WebSockets make every stop wait for the whole of it.
graceful_timeout = 5
# gunicorn's control socket delays a stop and can leave the worker behind.
control_socket_disable = True


def worker_exit(server, worker):
    """Let the feeds end before the process does."""
    import sys

    served = sys.modules.get("wsgi")
    if served is not None:
        served.app.extensions["omcrm.manager"].stop()
