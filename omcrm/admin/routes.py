"""The pages of staff and administrators: the feeds and the instruments."""

from datetime import UTC, datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from omcrm.admin.explanation_view import ExplanationView
from omcrm.admin.forms import InstrumentForm
from omcrm.admin.provider_name_form import ProviderNameForm
from omcrm.admin.upstream_name import SPELLINGS, provider_names, stored_names, symbol_of_name
from omcrm.auth.access import current_caller, requires
from omcrm.auth.permission import Permission
from omcrm.engine.bus import Control, ControlAction
from omcrm.extensions import db
from omcrm.feeds.usual_name import with_usual_names
from omcrm.market.catalogue import DEFAULTS
from omcrm.market.instrument import canonical_symbol
from omcrm.services import services
from omcrm.storage import audit
from omcrm.storage.instrument import InstrumentRow, all_instruments
from omcrm.storage.transaction import transaction
from omcrm.web.market_access import feed_engine, market_view

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

_sees_feeds = requires(Permission.FEEDS_READ, session_only=True, page=True)
_edits_instruments = requires(Permission.INSTRUMENTS_EDIT, session_only=True, page=True)


@blueprint.get("/")
@_sees_feeds
def front() -> ResponseReturnValue:
    return redirect(url_for("admin.feeds"))


@blueprint.get("/feeds")
@_sees_feeds
def feeds() -> ResponseReturnValue:
    """The feeds; with `?symbol=BTC` also why that price is what it is."""
    wanted = canonical_symbol(request.args.get("symbol", ""))
    explained = _explained(wanted)
    unknown = wanted if wanted and explained is None else None
    page = render_template(
        "admin/feeds.html",
        symbols=list(market_view().instruments),
        explained=explained,
        unknown=unknown,
    )
    return page, 404 if unknown else 200


@blueprint.get("/feeds/why/<symbol>")
@_sees_feeds
def why(symbol: str) -> ResponseReturnValue:
    """The part of the feeds' page that says why a price is what it is, to refresh it."""
    explained = _explained(canonical_symbol(symbol))
    if explained is None:
        abort(404)
    return render_template("admin/explanation.html", explained=explained)


def _explained(symbol: str) -> ExplanationView | None:
    """Why the price of a symbol is what it is; None where there is no such symbol."""
    instrument = market_view().instruments.get(symbol)
    explanation = feed_engine().explain(symbol)
    if instrument is None or explanation is None:
        return None
    return ExplanationView.of(explanation, instrument)


@blueprint.route("/instruments", methods=["GET", "POST"])
@_edits_instruments
def instruments() -> ResponseReturnValue:
    form = InstrumentForm()
    if form.validate_on_submit() and _add(form):
        flash(f"{form.symbol.data} is added. Open pages show it after a reload.")
        return redirect(url_for("admin.instruments"))
    return _instruments_page(form, ProviderNameForm(all_instruments(), formdata=None))


@blueprint.post("/instruments/names")
@_edits_instruments
def change_name() -> ResponseReturnValue:
    form = ProviderNameForm(all_instruments())
    if form.validate_on_submit() and (row := _rename(form)):
        flash(f"The name of {row.symbol} is changed.")
        return redirect(url_for("admin.instruments"))
    return _instruments_page(InstrumentForm(formdata=None), form)


def _rename(form: ProviderNameForm) -> InstrumentRow | None:
    with transaction():
        row = form.change()
        if row is not None:
            now = datetime.now(UTC)
            user = current_caller().user_id
            audit.record("rename_instrument", now, user_id=user, detail=row.symbol)
    if row is not None:
        services().bus.publish(Control(ControlAction.CATALOGUE_CHANGED))
    return row


def _instruments_page(form: InstrumentForm, name_form: ProviderNameForm) -> ResponseReturnValue:
    status = 400 if form.errors or name_form.errors else 200
    page = render_template(
        "admin/instruments.html",
        instruments=all_instruments(),
        form=form,
        name_form=name_form,
        usual=_usual_values(),
        names_of=_names_of,
    )
    return page, status


def _names_of(row: InstrumentRow) -> list[tuple[str, list[str]]]:
    return provider_names(with_usual_names(row.instrument()).provider_symbols)


def _usual_values() -> dict[str, dict[str, str]]:
    """What a new instrument of each class has where a field is empty, by the field's name."""
    return {
        asset_class.value: {
            "currency": usual.currency or "that of its name",
            "quantity_step": f"{usual.quantity_step:f}",
            "minimum_quantity": f"{usual.quantity_step:f}",
            "maximum_quantity": f"{usual.maximum_quantity:f}",
            "calendar": usual.calendar.value,
        }
        for asset_class, usual in DEFAULTS.items()
    }


def _are_names_free(form: InstrumentForm) -> bool:
    instruments = [row.instrument() for row in all_instruments()]
    for provider in SPELLINGS:
        field = form.upstream(provider)
        names = stored_names(provider, field.data, form.asset_class.data)
        symbol = symbol_of_name(provider, names, instruments)
        if symbol is not None:
            field.errors = [f"{symbol} has that name already."]
    return not form.errors


def _add(form: InstrumentForm) -> bool:
    """Add the instrument and subscribe to it at once; False where its symbol is taken."""
    if not _are_names_free(form):
        return False
    row = InstrumentRow.of(form.instrument())
    try:
        with transaction():
            db.session.add(row)
            now = datetime.now(UTC)
            audit.record("add_instrument", now, user_id=current_caller().user_id, detail=row.symbol)
    except IntegrityError:
        form.symbol.errors = [f"There is already an instrument {form.symbol.data}."]
        return False
    services().bus.publish(Control(ControlAction.CATALOGUE_CHANGED))
    return True
