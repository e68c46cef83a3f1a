"""What a WSGI server serves: `gunicorn wsgi:app`."""

from omcrm import create_app

app = create_app()
