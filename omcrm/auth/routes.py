"""The pages of login and logout."""

import time
from datetime import UTC, datetime
from functools import partial

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_login import current_user

from omcrm.auth.access import public
from omcrm.auth.device import remember_device
from omcrm.auth.forms import LoginForm
from omcrm.auth.login import local_path, new_token, open_login, sign_in, sign_out
from omcrm.auth.login_throttle import network_of
from omcrm.auth.service import LoginRefused, attempt_login
from omcrm.extensions import limiter
from omcrm.services import services
from omcrm.storage.audit import failed_between_logins

# Where the browser's session keeps the notice of failed attempts until a page shows it.
_FAILED_LOGINS = "failed_logins"

blueprint = Blueprint("auth", __name__, url_prefix="/auth")


def _failures_per_minute() -> str:
    return f"{services().settings.login_failures_per_minute} per minute"


def caller_network() -> str:
    """The network of this request's client, also behind trusted proxies."""
    return network_of(request.remote_addr)


def _was_refused(response: Response) -> bool:
    # An error on our side does not count as an attempt.
    return 400 <= response.status_code < 500


@blueprint.errorhandler(RateLimitExceeded)
def refuse_address(_: RateLimitExceeded) -> Response:
    """Show the form, and how long this network address has to wait."""
    limit = limiter.current_limit
    wait = max(1, limit.reset_at - int(time.time())) if limit else 60
    message = f"Too many failed attempts from your network address. Try again in {wait} seconds."
    return _login_page(LoginForm(formdata=None), LoginRefused(message, 429, wait))


@blueprint.route("/login", methods=["GET", "POST"])
@public(page=True)
@limiter.limit(
    _failures_per_minute, key_func=caller_network, methods=["POST"], deduct_when=_was_refused
)
def login() -> ResponseReturnValue:
    """Show the login form, or log in and redirect to `next`."""
    destination = local_path(request.values.get("next")) or "/"
    if current_user.is_authenticated:
        return redirect(destination)
    form = LoginForm()
    if not form.is_submitted():
        return _login_page(form)
    if not form.validate():
        return _login_page(form, LoginRefused("Enter your e-mail and your password.", 400))
    now, token = datetime.now(UTC), new_token()
    outcome = attempt_login(
        form.email.data,
        form.password.data,
        request.remote_addr,
        now,
        request.cookies,
        partial(open_login, token=token, now=now),
    )
    if isinstance(outcome, LoginRefused):
        return _login_page(form, outcome)
    sign_in(outcome, token)
    session[_FAILED_LOGINS] = failed_notice(outcome.id)
    answer = make_response(redirect(destination))
    remember_device(answer, outcome, now)
    return answer


@blueprint.post("/logout")
@public(page=True)
def logout() -> ResponseReturnValue:
    """End the session in the browser and on the server."""
    sign_out(datetime.now(UTC))
    return redirect(url_for(".login"))


def failed_notice(user_id: int) -> str | None:
    """The sentence about attempts that failed since the last login; None without any."""
    failed = failed_between_logins(user_id)
    if failed is None:
        return None
    attempts = "1 failed attempt" if failed.count == 1 else f"{failed.count} failed attempts"
    origin = f" from {failed.last_addr}" if failed.last_addr else ""
    return (
        f"{attempts} to log in to your account since your last login, "
        f"last at {failed.last_at:%Y-%m-%d %H:%M} UTC{origin}."
    )


def _login_page(form: LoginForm, refused: LoginRefused | None = None) -> Response:
    notice = None if refused is None else refused.message
    page = make_response(render_template("auth/login.html", form=form, notice=notice))
    # The form's CSRF token belongs to one session; the back button must not show an old one.
    page.headers["Cache-Control"] = "no-store"
    if refused is not None:
        page.status_code = refused.status
        if refused.wait_seconds:
            page.headers["Retry-After"] = str(refused.wait_seconds)
    return page
