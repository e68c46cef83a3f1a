"""gunicorn's configuration: `gunicorn --worker-class eventlet -w 1 wsgi:app`."""

from gunicorn.workers import SUPPORTED_WORKERS as _GUNICORNS

from omcrm.env_file import configured_mode as _configured_mode
from omcrm.env_file import early_text as _text
from omcrm.errors import SettingError as _SettingError
from omcrm.process import allow_many_files as _allow_many_files
from omcrm.process import return_free_memory as _return_free_memory
from omcrm.serving.listener import refuse as _refuse
from omcrm.serving.server import SETTINGS as _SETTINGS
from omcrm.serving.worker import WORKERS as _WORKERS

# In the master, so that every worker inherits it.
_return_free_memory()
_allow_many_files()

# OMCRM's workers, under the names that gunicorn's users know.
_NAMES = {"eventlet": "eventlet", "gevent": "gevent", "threading": "gthread"}
for _mode, _worker in _WORKERS.items():
    _GUNICORNS[_NAMES[_mode]] = f"{_worker.__module__}.{_worker.__qualname__}"

bind = f"{_text('HOST', '127.0.0.1')}:{_text('PORT', '5000')}"
try:
    worker_class = _NAMES[_configured_mode()]
except _SettingError as _error:
    # gunicorn prints a traceback of all others.
    raise SystemExit(str(_error)) from None
loglevel = _text("LOG_LEVEL", "INFO").lower()
# One process has the feeds and its own browsers; for more processes run more gunicorns.
workers = 1
keepalive = _SETTINGS["keepalive"]
worker_connections = _SETTINGS["worker_connections"]
forwarded_allow_ips = _SETTINGS["forwarded_allow_ips"]
sendfile = _SETTINGS["sendfile"]
# After it the master kills a worker that still waits for a client.
graceful_timeout = 5
# gunicorn's control socket delays a stop and can leave the worker behind.
control_socket_disable = True


def on_starting(server):
    """Refuse workers that cannot serve WebSockets, or that a slow client could block."""
    if server.worker_class not in _WORKERS.values():
        names = ", ".join(_NAMES.values())
        raise SystemExit(f"worker class {server.cfg.worker_class_str}: expected one of {names}")


def when_ready(server):
    """Refuse clients until the worker has loaded the app."""
    _refuse_clients(server)


def child_exit(server, worker):
    """Refuse clients until there is another worker."""
    _refuse_clients(server)


def _refuse_clients(server):
    # Not where another process serves on the same socket: a new worker after HUP, the other master
    # after USR2, or systemd, which starts this one for the client that waits.
    if not (server.WORKERS or server.master_pid or server.reexec_pid or server.systemd):
        for listener in server.LISTENERS:
            # A port that the system has chosen would be lost.
            if listener.cfg_addr[1] != 0:
                _refuse(listener)


def post_fork(server, worker):
    """Set what runs after the worker has patched its threads, and before the app is loaded."""
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
    """Do what `run.py` does before it serves, and close all WebSockets at the end."""
    from omcrm.ending import close_connections
    from omcrm.process import collect_garbage_less_often

    collect_garbage_less_often()
    served = _services()
    if served is not None:
        served.begin()
    worker.at_end = close_connections


def worker_exit(server, worker):
    """Stop the feeds before the process ends."""
    served = _services()
    if served is not None:
        served.stop()
    getattr(worker, "stop_simulator", lambda: None)()


def _services():
    """The services of the app that this worker serves, once it is loaded."""
    import sys

    from omcrm.services import services_of

    app = getattr(sys.modules.get("wsgi"), "app", None)
    return None if app is None else services_of(app)
