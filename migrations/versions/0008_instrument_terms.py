"""what an order of each instrument needs: currency, steps, quantities, storage scale and calendar"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_instruments = sa.table(
    "instruments",
    sa.column("id", sa.Integer),
    sa.column("symbol", sa.String),
    sa.column("asset_class", sa.String),
    sa.column("decimals", sa.Integer),
    sa.column("provider_symbols", sa.JSON),
    sa.column("currency", sa.String),
    sa.column("price_step", sa.String),
    sa.column("quantity_step", sa.String),
    sa.column("minimum_quantity", sa.String),
    sa.column("maximum_quantity", sa.String),
    sa.column("storage_scale", sa.Integer),
    sa.column("calendar", sa.String),
)

# Calendar, currency, quantity step, minimum and maximum quantity of each class. Literal: later
# defaults do not change what this migration wrote. The currency of a pair is in its name.
_BY_CLASS = {
    "crypto": ("always", "USD", "0.00001", "0.00001", "1000000"),
    "stock": ("XNYS", "USD", "1", "1", "100000"),
    "forex": ("forex", None, "1000", "1000", "10000000"),
}
_UNKNOWN_SCALE = 8
_PAIR = re.compile("[A-Z]{6}")

# Each with the value that rows have until they get their own.
_NEW = {
    "price_step": (sa.String(length=64), "1"),
    "quantity_step": (sa.String(length=64), "1"),
    "minimum_quantity": (sa.String(length=64), "1"),
    "maximum_quantity": (sa.String(length=64), "1"),
    "storage_scale": (sa.Integer(), "8"),
    "calendar": (sa.String(length=12), "always"),
}


def upgrade():
    op.add_column("instruments", sa.Column("currency", sa.String(length=8), nullable=True))
    for name, (kind, value) in _NEW.items():
        column = sa.Column(name, kind, nullable=False, server_default=value)
        op.add_column("instruments", column)
    connection = op.get_bind()
    for row in connection.execute(sa.select(_instruments)).all():
        connection.execute(
            _instruments.update().where(_instruments.c.id == row.id).values(_terms(row))
        )
    if connection.dialect.name != "sqlite":
        # SQLite cannot drop a default; the app gives every column a value.
        for name in _NEW:
            op.alter_column("instruments", name, server_default=None)


def downgrade():
    for name in _NEW:
        op.drop_column("instruments", name)
    op.drop_column("instruments", "currency")


def _terms(row):
    calendar, currency, step, minimum, maximum = _BY_CLASS[row.asset_class]
    return {
        "currency": currency or _pair_currency(row),
        "price_step": "1" if row.decimals == 0 else f"0.{'1':0>{row.decimals}}",
        "quantity_step": step,
        "minimum_quantity": minimum,
        "maximum_quantity": maximum,
        "storage_scale": max(_UNKNOWN_SCALE, row.decimals),
        "calendar": calendar,
    }


def _pair_currency(row):
    names = (row.symbol, *row.provider_symbols.values())
    return next((name[3:] for name in names if _PAIR.fullmatch(name)), None)
