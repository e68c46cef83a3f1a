"""The front door and the health of the process."""

from flask import Blueprint, current_app, jsonify, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from omcrm.extensions import db, limiter

blueprint = Blueprint("web", __name__)

HEALTH_CHECKS = "omcrm.health"


@blueprint.get("/")
def front() -> ResponseReturnValue:
    return redirect(url_for("webtrader.dashboard"))


@blueprint.get("/healthz")
@limiter.exempt
def healthz() -> ResponseReturnValue:
    return jsonify(status="ok")


@blueprint.get("/readyz")
@limiter.exempt
def readyz() -> ResponseReturnValue:
    """503 names the part that fails, without saying more than that to a stranger."""
    checks = {"database": _database_failure, **current_app.extensions[HEALTH_CHECKS]}
    failing = [name for name, failure in checks.items() if failure()]
    if failing:
        return jsonify(status="unavailable", failing=failing), 503
    return jsonify(status="ready")


def _database_failure() -> str | None:
    try:
        db.session.execute(text("SELECT 1 FROM instruments LIMIT 1"))
    except SQLAlchemyError as error:
        return type(error).__name__
    return None
