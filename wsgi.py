"""The app for a WSGI server: `gunicorn wsgi:app`."""

from omcrm import create_app
from omcrm.logs import configure_logs
from omcrm.settings import load

settings = load()
configure_logs(settings.log_level)
app = create_app(settings)
