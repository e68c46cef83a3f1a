"""How gunicorn serves OMCRM: `gunicorn --worker-class eventlet -w 1 wsgi:app`."""

from gunicorn.workers import SUPPORTED_WORKERS as _GUNICORNS

from omcrm.concurrency import early_setting as _setting
from omcrm.concurrency import wished_mode as _wished_mode
from omcrm.process import allow_many_files as _allow_many_files
from omcrm.process import give_back as _give_back
from omcrm.serving.server import SETTINGS as _SETTINGS
from omcrm.serving.worker import WORKERS as _WORKERS

# Here, so that every worker inherits it.
_give_back()
_allow_many_files()

# The workers that OMCRM is served by, under the names that gunicorn's users know.
_NAMES = {"eventlet": "eventlet", "gevent": "gevent", "threading": "gthread"}
for _mode, _worker in _WORKERS.items():
    _GUNICORNS[_NAMES[_mode]] = f"{_worker.__module__}.{_worker.__qualname__}"

bind = f"{_setting('HOST', '127.0.0.1')}:{_setting('PORT', '5000')}"
worker_class = _NAMES.get(_wished_mode(), "eventlet")
loglevel = _setting("LOG_LEVEL", "INFO").lower()
# One process holds the feeds and its own browsers; more processes are more gunicorns.
workers = 1
keepalive = _SETTINGS["keepalive"]
worker_connections = _SETTINGS["worker_connections"]
forwarded_allow_ips = _SETTINGS["forwarded_allow_ips"]
sendfile = _SETTINGS["sendfile"]
# After it the master kills a worker that still waits for somebody.
graceful_timeout = 5
# gunicorn's control socket delays a stop and can leave the worker behind.
control_socket_disable = True


def on_starting(server):
    """Refuse workers that cannot carry WebSockets, or that a stranger could freeze."""
    if server.worker_class not in _WORKERS.values():
        names = ", ".join(_NAMES.values())
        raise SystemExit(f"worker class {server.cfg.worker_class_str}: expected one of {names}")


def post_fork(server, worker):
    """What comes before the app is loaded, and after the worker is made for its threads."""
    worker.before_app = lambda: _simulate(worker)


def _simulate(worker):
    """Start the simulator of a demonstration, as `run.py` does."""
    import os

    from omcrm.demonstration import with_simulator
    from omcrm.settings import load

    settings, worker.stop_simulator = with_simulator(load())
    if settings.exchange_url:
        os.environ["OMCRM_EXCHANGE_URL"] = settings.exchange_url


def post_worker_init(worker):
    """Look for garbage as `run.py` does, and close what the app took over when it ends."""
    from omcrm.ending import close_connections
    from omcrm.process import collect_garbage_less_often

    collect_garbage_less_often()
    worker.at_end = close_connections


def worker_exit(server, worker):
    """Let the feeds end before the process does."""
    import sys

    served = getattr(sys.modules.get("wsgi"), "app", None)
    if served is not None:
        served.extensions["omcrm.manager"].stop()
    getattr(worker, "stop_simulator", lambda: None)()
