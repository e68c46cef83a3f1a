"""The start page and the health of the process."""

from flask import Blueprint, Response, redirect, url_for
from flask.typing import ResponseReturnValue

from omcrm.auth.access import public
from omcrm.auth.json_answer import json_answer
from omcrm.auth.json_route import answers
from omcrm.extensions import limiter
from omcrm.services import services
from omcrm.web import database_away
from omcrm.wire.health import JsonAlive, JsonReadiness

blueprint = Blueprint("web", __name__)


@blueprint.get("/")
@public(page=True)
def front() -> ResponseReturnValue:
    return redirect(url_for("webtrader.dashboard"))


@blueprint.get("/healthz")
@limiter.exempt
@public()
@answers(JsonAlive)
def healthz() -> JsonAlive:
    """Whether the process runs."""
    return JsonAlive()


@blueprint.get("/readyz")
@limiter.exempt
@public()
@answers(JsonReadiness, refusals={503: "A part fails."}, refused_as=JsonReadiness)
def readyz() -> JsonReadiness | Response:
    """Whether the process can serve requests.

    The failing parts are named without details: the route is open to strangers.
    """
    checks = {"database": _database_failure, "feed": services().engine.failure}
    failing = [name for name, failure in checks.items() if failure()]
    if failing:
        return json_answer(JsonReadiness(status="unavailable", failing=failing), 503)
    return JsonReadiness(status="ready")


def _database_failure() -> str | None:
    problem = services().database_health.problem()
    if problem is not None:
        database_away.note(problem)
    return problem
