"""The JSON answers of routes."""

from typing import Any

from flask import Response

from omcrm.wire import encoding


def json_answer(body: Any, status: int = 200) -> Response:
    """A JSON answer with exact decimals as numbers; Flask's own JSON would write them as texts."""
    return Response(encoding.dumps(body), status=status, mimetype="application/json")
