"""The start page and the health of the process."""

from flask import Blueprint, jsonify, redirect, url_for
from flask.typing import ResponseReturnValue

from omcrm.auth.access import public
from omcrm.extensions import limiter
from omcrm.services import services
from omcrm.web import database_away

blueprint = Blueprint("web", __name__)


@blueprint.get("/")
@public(page=True)
def front() -> ResponseReturnValue:
    return redirect(url_for("webtrader.dashboard"))


@blueprint.get("/healthz")
@limiter.exempt
@public()
def healthz() -> ResponseReturnValue:
    return jsonify(status="ok")


@blueprint.get("/readyz")
@limiter.exempt
@public()
def readyz() -> ResponseReturnValue:
    """503 with the names of the parts that fail, and no details: the route is open to strangers."""
    checks = {"database": _database_failure, "feed": services().engine.failure}
    failing = [name for name, failure in checks.items() if failure()]
    if failing:
        return jsonify(status="unavailable", failing=failing), 503
    return jsonify(status="ready")


def _database_failure() -> str | None:
    problem = services().database_health.problem()
    if problem is not None:
        database_away.note(problem)
    return problem
