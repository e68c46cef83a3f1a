from decimal import Decimal

import pytest
from flask import Flask

from omcrm.admin.forms import InstrumentForm
from omcrm.admin.upstream_name import SPELLINGS, classes_of, label_of, sources_of
from omcrm.market.instrument import AssetClass
from omcrm.market.session import Calendar

DOGE = {
    "symbol": "DOGE",
    "name": "Dogecoin",
    "asset_class": "crypto",
    "decimals": "5",
    "last_resort_price": "0.10012",
    "binance_symbol": "dogeusdt",
    "simulated_symbol": "",
}


def form_with(app: Flask, **fields: str) -> InstrumentForm:
    with app.test_request_context(method="POST", data={**DOGE, **fields}):
        form = InstrumentForm(meta={"csrf": False})
        form.validate()
        return form


def test_a_complete_form_is_valid(app: Flask) -> None:
    """Every field is read as its value."""
    form = form_with(app)

    assert {} == form.errors
    assert ("DOGE", "Dogecoin", "crypto", 5) == (
        form.symbol.data,
        form.name.data,
        form.asset_class.data,
        form.decimals.data,
    )
    assert Decimal("0.10012") == form.last_resort_price.data
    assert {"binance": "dogeusdt"} == form.provider_symbols


def test_typed_text_is_normalized(app: Flask) -> None:
    """Case and surrounding spaces do not matter."""
    typed = {"symbol": " doge ", "name": " Dogecoin ", "binance_symbol": "DOGEUSDT"}
    form = form_with(app, **typed, simulated_symbol=" Doge ")

    assert {} == form.errors
    assert ("DOGE", "Dogecoin") == (form.symbol.data, form.name.data)
    assert {"binance": "dogeusdt", "simulated": "doge"} == form.provider_symbols


@pytest.mark.parametrize("field", ["last_resort_price", "binance_symbol", "simulated_symbol"])
def test_optional_fields(app: Flask, field: str) -> None:
    """An instrument needs neither a last-resort price nor any provider."""
    form = form_with(app, **{field: ""})

    assert {} == form.errors
    assert not form[field].data


def test_without_providers_there_are_no_symbols(app: Flask) -> None:
    """Empty fields are left out."""
    assert {} == form_with(app, binance_symbol="", simulated_symbol="").provider_symbols


@pytest.mark.parametrize("source", SPELLINGS)
def test_every_source_may_give_a_name(app: Flask, source: str) -> None:
    """For a class that the source has prices of, its example is a valid name."""
    (asset_class, *_) = classes_of(source)
    example = SPELLINGS[source].example
    names = {"binance_symbol": "", f"{source}_symbol": example}
    form = form_with(app, asset_class=asset_class, **names)

    assert {} == form.errors
    assert dict.fromkeys(sources_of(source), example) == form.provider_symbols


@pytest.mark.parametrize(
    ("source", "asset_class"),
    [
        (source, other)
        for source in SPELLINGS
        for other in AssetClass
        if other not in classes_of(source)
    ],
)
def test_a_source_that_has_no_such_prices_is_named(
    app: Flask, source: str, asset_class: str
) -> None:
    """A name for a class without prices there is refused, at its field with the source's name."""
    name = f"{source}_symbol"
    fields = {"binance_symbol": "", name: SPELLINGS[source].example}
    errors = form_with(app, asset_class=asset_class, **fields).errors

    assert [name] == list(errors)
    assert errors[name][0].startswith(f"{label_of(source)}: prices of ")


# What orders need


def test_empty_fields_have_the_usual_values_of_the_class(app: Flask) -> None:
    """A coin needs none of them."""
    made = form_with(app).instrument()

    assert ("USD", Calendar.ALWAYS, 8) == (made.currency, made.calendar, made.storage_scale)
    assert [Decimal(text) for text in ("0.00001", "0.00001", "0.00001", "1000000")] == [
        made.price_step,
        made.quantity_step,
        made.minimum_quantity,
        made.maximum_quantity,
    ]


def test_a_pair_has_its_second_currency(app: Flask) -> None:
    """It is in its symbol or in its name at a source; else it is unknown unless typed."""
    pair = {"asset_class": "forex", "binance_symbol": ""}
    by_symbol = form_with(app, **pair, symbol="EURSEK")
    by_name = form_with(app, **pair, symbol="YEN", frankfurter_symbol="USDJPY")
    typed = form_with(app, **pair, symbol="GOLD", currency="usd")
    unknown = form_with(app, **pair, symbol="GOLD")

    assert ["SEK", "JPY", "USD", None] == [
        form.instrument().currency for form in (by_symbol, by_name, typed, unknown)
    ]
    assert Calendar.FOREX is by_symbol.instrument().calendar


def test_a_share_of_another_exchange_can_be_described(app: Flask) -> None:
    """Every typed value is taken instead of the usual one."""
    typed = {
        "asset_class": "stock",
        "binance_symbol": "",
        "currency": "GBP",
        "calendar": "always",
        "price_step": "0.0005",
        "storage_scale": "6",
        "quantity_step": "0.5",
        "minimum_quantity": "10",
        "maximum_quantity": "2000.25",
    }
    made = form_with(app, **typed).instrument()

    assert ("GBP", Calendar.ALWAYS, 6) == (made.currency, made.calendar, made.storage_scale)
    assert [Decimal(text) for text in ("0.0005", "0.5", "10", "2000.25")] == [
        made.price_step,
        made.quantity_step,
        made.minimum_quantity,
        made.maximum_quantity,
    ]


def test_the_storage_scale_has_room_for_the_price_step(app: Flask) -> None:
    """It is as large as the price step needs, and eight at least."""
    scales = [
        form_with(app, price_step=step).instrument().storage_scale
        for step in ("1", "0.010", "0.00000001", "0.000000001", "0.0000000005")
    ]

    assert [8, 8, 8, 9, 10] == scales
    assert 10 == form_with(app, decimals="10").instrument().storage_scale


@pytest.mark.parametrize(
    ("fields", "wrong", "label"),
    [
        ({"storage_scale": "2", "price_step": "0.005"}, "price_step", "Price step: "),
        (
            {"quantity_step": "0.3", "minimum_quantity": "1"},
            "minimum_quantity",
            "Minimum quantity: ",
        ),
        (
            {"minimum_quantity": "5", "maximum_quantity": "4.99"},
            "maximum_quantity",
            "Maximum quantity: ",
        ),
        ({"quantity_step": "2000000"}, "maximum_quantity", "Maximum quantity: "),
    ],
)
def test_fields_that_contradict_each_other(
    app: Flask, fields: dict[str, str], wrong: str, label: str
) -> None:
    """The error is at one of them, and names it."""
    errors = form_with(app, **fields).errors

    assert [wrong] == list(errors)
    assert errors[wrong][0].startswith(label)


@pytest.mark.parametrize(
    "field", ["price_step", "quantity_step", "minimum_quantity", "maximum_quantity"]
)
@pytest.mark.parametrize("text", ["0", "-1", "NaN", "1e3", "0.00000000001", "1000000000001", "x"])
def test_a_wrong_amount_is_named(app: Flask, field: str, text: str) -> None:
    """The error says which field it is of."""
    form = form_with(app, **{field: text})

    assert [field] == list(form.errors)
    assert form.errors[field][0].startswith(f"{form[field].label.text}: ")


def test_names_are_grouped_by_class(app: Flask) -> None:
    """Every field of a name is in one group, of all the classes it has; those of every class come
    last."""
    groups = form_with(app).groups
    fields = [field.name for _, controls in groups for field in controls]

    assert ["crypto", "crypto forex", "stock", "stock forex", "forex", ""] == [
        name for name, _ in groups
    ]
    assert sorted(f"{source}_symbol" for source in SPELLINGS) == sorted(fields)
    assert "simulated_symbol" == fields[-1]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("symbol", ""),
        ("symbol", "  "),
        ("symbol", "X" * 21),
        ("symbol", "DO GE"),
        ("symbol", "DO/GE"),
        ("symbol", "<b>"),
        ("symbol", "DÖGE"),
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 121),
        ("asset_class", ""),
        ("asset_class", "bond"),
        ("decimals", ""),
        ("decimals", "two"),
        ("decimals", "-1"),
        ("decimals", "11"),
        ("decimals", "2.5"),
        ("decimals", "1_0"),
        ("decimals", "٣"),
        ("last_resort_price", "1_0"),
        ("last_resort_price", "1e1"),
        ("last_resort_price", "１"),
        ("last_resort_price", "0"),
        ("last_resort_price", "-1"),
        ("last_resort_price", "NaN"),
        ("last_resort_price", "Infinity"),
        ("last_resort_price", "1e13"),
        ("last_resort_price", "cheap"),
        ("last_resort_price", "0." + "1" * 100),
        ("currency", "US"),
        ("currency", "U$D"),
        ("currency", "EURO"),
        ("calendar", "XLON"),
        ("storage_scale", "-1"),
        ("storage_scale", "13"),
        ("storage_scale", "2.5"),
        ("binance_symbol", "doge/usdt"),
        ("binance_symbol", "doge@trade"),
        ("binance_symbol", "x" * 21),
        ("simulated_symbol", "doge usdt"),
        ("coinbase_symbol", "DOGEUSD"),
        ("kraken_symbol", "DOGE-USD"),
        ("coingecko_symbol", "doge coin"),
    ],
)
def test_an_error_is_at_its_field(app: Flask, field: str, text: str) -> None:
    """Only the wrong field has an error, with a hint."""
    errors = form_with(app, **{field: text}).errors

    assert [field] == list(errors)
    assert all(errors[field])
