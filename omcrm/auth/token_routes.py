"""API tokens and WebSocket tickets: the page of one's own tokens, and the JSON routes."""

from datetime import UTC, date, datetime
from typing import Any, Literal

from flask import (
    Blueprint,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from msgspec import Struct

from omcrm.auth import api_token, ticket
from omcrm.auth.access import current_caller, refused, requires
from omcrm.auth.api_token import CreatedToken
from omcrm.auth.forms import TokenForm
from omcrm.auth.permission import ABOUT, SCOPES, Permission, ScopeName
from omcrm.auth.request_body import request_body
from omcrm.errors import AccessRefused
from omcrm.storage.api_token import ApiToken, of_user
from omcrm.wire.encoding import iso

blueprint = Blueprint("tokens", __name__)


@blueprint.errorhandler(AccessRefused)
def refuse(error: AccessRefused) -> ResponseReturnValue:
    """Answer programs; the page shows errors itself."""
    return refused(error)


# For people

_for_people = requires(session_only=True, page=True)


@blueprint.get("/account/tokens")
@_for_people
def page() -> ResponseReturnValue:
    """The caller's tokens, and the form for a new one."""
    return _page(_form())


@blueprint.post("/account/tokens")
@_for_people
def add() -> ResponseReturnValue:
    """Create a token and show it, this one time."""
    form = _form()
    if not form.validate():
        return _page(form), 400
    now = datetime.now(UTC)
    try:
        made = api_token.create(
            current_caller(),
            form.name.data,
            [Permission(name) for name in form.scopes.data],
            api_token.expiry(now, days=form.expires_in_days.data, last_day=form.expires_on.data),
            now,
            request.remote_addr,
        )
    except AccessRefused as refused:
        if refused.field is None:
            return _page(form, notice=refused.message), refused.status
        form[refused.field].errors = [refused.message.partition(": ")[2].capitalize()]
        return _page(form), refused.status
    # No redirect: the secret would have to be stored meanwhile.
    return _page(_form(empty=True), made=made), 201


@blueprint.post("/account/tokens/<int:token_id>/revoke")
@_for_people
def end(token_id: int) -> ResponseReturnValue:
    """Revoke a token."""
    try:
        row = api_token.revoke(
            current_caller().user_id, token_id, datetime.now(UTC), request.remote_addr
        )
        flash(f"{row.name} is revoked. Its connections close within seconds.")
    except AccessRefused as refused:
        flash(refused.message, "error")
    return redirect(url_for("tokens.page"))


def _form(*, empty: bool = False) -> TokenForm:
    form = TokenForm(formdata=None) if empty else TokenForm()
    form.set_scopes(current_caller().role)
    return form


def _page(form: TokenForm, *, made: CreatedToken | None = None, notice: str | None = None) -> str:
    now = datetime.now(UTC)
    return render_template(
        "auth/api_tokens.html",
        form=form,
        made=made,
        notice=notice,
        tokens=[(token, token.state(now)) for token in of_user(current_caller().user_id)],
        most=api_token.MOST_TOKENS,
    )


# For programs


class NewToken(Struct, frozen=True, forbid_unknown_fields=True):
    """The body that creates a token; without an expiry it lasts 30 days."""

    name: str
    scopes: list[ScopeName]
    expires_in_days: Literal[7, 30, 90, 365] | None = None
    expires_on: date | None = None

    def __post_init__(self) -> None:
        if self.expires_in_days is not None and self.expires_on is not None:
            raise ValueError("give `expires_in_days` or `expires_on`, not both")


@blueprint.get("/api/v1/tokens")
@requires(session_only=True)
def tokens() -> ResponseReturnValue:
    """The caller's tokens, and all scopes."""
    now = datetime.now(UTC)
    return jsonify(
        success=True,
        tokens=[_described(token, now) for token in of_user(current_caller().user_id)],
        most=api_token.MOST_TOKENS,
        scopes={scope.value: ABOUT[scope] for scope in SCOPES},
    )


@blueprint.post("/api/v1/tokens")
@requires(session_only=True)
def create() -> ResponseReturnValue:
    """Create a token; the answer has its secret, this one time."""
    body, now = request_body(NewToken), datetime.now(UTC)
    made = api_token.create(
        current_caller(),
        body.name,
        [Permission(name) for name in body.scopes],
        api_token.expiry(now, days=body.expires_in_days or 30, last_day=body.expires_on),
        now,
        request.remote_addr,
    )
    return jsonify(success=True, secret=made.secret, token=_described(made.row, now)), 201


@blueprint.delete("/api/v1/tokens/<int:token_id>")
@requires(session_only=True)
def revoke(token_id: int) -> ResponseReturnValue:
    """Revoke a token."""
    now = datetime.now(UTC)
    row = api_token.revoke(current_caller().user_id, token_id, now, request.remote_addr)
    return jsonify(success=True, token=_described(row, now))


@blueprint.post("/api/v1/ws-ticket")
@requires()
def ws_ticket() -> ResponseReturnValue:
    """A ticket that opens one WebSocket as the caller."""
    made = ticket.issue(current_caller(), datetime.now(UTC))
    return jsonify(ticket=made, expires_in=int(ticket.LIFETIME.total_seconds()))


def _described(row: ApiToken, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": row.scopes,
        "state": row.state(now),
        "created_at": iso(row.created_at),
        "expires_at": iso(row.expires_at),
        "revoked_at": iso(row.revoked_at),
        "last_used_at": iso(row.last_used_at),
        "last_used_addr": row.last_used_addr or None,
    }
