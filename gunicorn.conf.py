"""How gunicorn serves OMCRM: `gunicorn --worker-class eventlet -w 1 wsgi:app`."""

import os

from gunicorn.workers import SUPPORTED_WORKERS as _WORKERS

from omcrm.process import allow_many_files as _allow_many_files
from omcrm.process import give_back as _give_back
from omcrm.process import limit_reading as _limit_reading

# Here, so that every worker inherits it.
_give_back()
_allow_many_files()
# gunicorn 26 dropped its own.
_WORKERS["eventlet"] = "omcrm.eventlet_worker.EventletWorker"
_WORKERS["gevent"] = "omcrm.gevent_worker.GeventWorker"

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '5000')}"
worker_class = os.environ.get("OMCRM_ASYNC", "eventlet").replace("threading", "gthread")
# One process holds the feeds and its own browsers; more processes are more gunicorns.
workers = 1
threads = 200
worker_connections = 20_000
# Clients that all come back at once wait here.
backlog = 4096
# After it the master kills a worker that still waits for somebody.
graceful_timeout = 5
# gunicorn's control socket delays a stop and can leave the worker behind.
control_socket_disable = True


def post_fork(server, worker):
    """Let no client be silent in a request for ever: accepted sockets inherit this."""
    for listener in worker.sockets:
        _limit_reading(listener.sock)


def post_worker_init(worker):
    """Close the pages' connections when the worker is to stop: it would wait for their polls."""
    from threading import Thread

    from omcrm.process import collect_seldom

    collect_seldom()
    Thread(target=_close_pages, args=(worker,), name="goodbye", daemon=True).start()


def _close_pages(worker):
    from time import sleep

    from omcrm.extensions import socketio

    while True:
        sleep(0.5)
        # Again and again: a page may come back while the worker still accepts.
        if not worker.alive and socketio.server is not None:
            socketio.server.eio.disconnect()


def worker_exit(server, worker):
    """Let the feeds end before the process does."""
    import sys

    served = getattr(sys.modules.get("wsgi"), "app", None)
    if served is not None:
        served.extensions["omcrm.manager"].stop()
