"""API tokens and WebSocket tickets: the page of one's own tokens, and the JSON routes."""

from datetime import UTC, datetime
from typing import get_args

from flask import (
    Blueprint,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from omcrm.auth import api_token, ticket
from omcrm.auth.access import current_caller, requires
from omcrm.auth.api_token import CreatedToken
from omcrm.auth.forms import TokenForm
from omcrm.auth.json_route import answers, takes
from omcrm.auth.permission import ABOUT, Permission
from omcrm.errors import AccessRefused
from omcrm.storage.api_token import ApiToken, of_user
from omcrm.wire.account import (
    JsonTicket,
    JsonToken,
    JsonTokenMade,
    JsonTokenRevoked,
    JsonTokens,
    NewToken,
    ScopeName,
)
from omcrm.wire.encoding import iso

blueprint = Blueprint("tokens", __name__)


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


_NO_TOKEN = {403: "An API token came, which cannot make or see tokens."}


@blueprint.get("/api/v1/tokens")
@requires(session_only=True)
@answers(JsonTokens, refusals=_NO_TOKEN)
def tokens() -> JsonTokens:
    """The caller's API tokens."""
    now = datetime.now(UTC)
    return JsonTokens(
        tokens=[_described(token, now) for token in of_user(current_caller().user_id)],
        most=api_token.MOST_TOKENS,
        scopes={name: ABOUT[Permission(name)] for name in sorted(get_args(ScopeName))},
    )


@blueprint.post("/api/v1/tokens")
@requires(session_only=True)
@answers(
    JsonTokenMade,
    201,
    refusals={**_NO_TOKEN, 409: "There are too many tokens.", 429: "Too many were made lately."},
)
@takes(NewToken)
def create(body: NewToken) -> JsonTokenMade:
    """Make an API token.

    The answer has its secret, this one time.
    """
    now = datetime.now(UTC)
    made = api_token.create(
        current_caller(),
        body.name,
        [Permission(name) for name in body.scopes],
        api_token.expiry(now, days=body.expires_in_days or 30, last_day=body.expires_on),
        now,
        request.remote_addr,
    )
    return JsonTokenMade(secret=made.secret, token=_described(made.row, now))


@blueprint.delete("/api/v1/tokens/<int:token_id>")
@requires(session_only=True)
@answers(
    JsonTokenRevoked,
    refusals={**_NO_TOKEN, 404: "The caller has no such token that could be revoked."},
)
def revoke(token_id: int) -> JsonTokenRevoked:
    """Revoke an API token."""
    now = datetime.now(UTC)
    row = api_token.revoke(current_caller().user_id, token_id, now, request.remote_addr)
    return JsonTokenRevoked(token=_described(row, now))


@blueprint.post("/api/v1/ws-ticket")
@requires()
@answers(JsonTicket, refusals={429: "Too many tickets lately."})
def ws_ticket() -> JsonTicket:
    """A ticket for one WebSocket, for pages that must not hold a token."""
    made = ticket.issue(current_caller(), datetime.now(UTC))
    return JsonTicket(ticket=made, expires_in=int(ticket.LIFETIME.total_seconds()))


def _described(row: ApiToken, now: datetime) -> JsonToken:
    return JsonToken(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        scopes=row.scopes,
        state=row.state(now),
        created_at=iso(row.created_at),
        expires_at=iso(row.expires_at),
        revoked_at=iso(row.revoked_at),
        last_used_at=iso(row.last_used_at),
        last_used_addr=row.last_used_addr or None,
    )
