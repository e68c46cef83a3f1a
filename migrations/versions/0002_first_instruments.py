"""the first instruments"""

import sqlalchemy as sa
from alembic import op

from omcrm.market.catalogue import CATALOGUE

revision = "0002"
down_revision = "0001"

_instruments = sa.table(
    "instruments",
    sa.column("symbol", sa.String),
    sa.column("name", sa.String),
    sa.column("asset_class", sa.String),
    sa.column("decimals", sa.Integer),
    sa.column("last_resort_price", sa.String),
    sa.column("provider_symbols", sa.JSON),
    sa.column("active", sa.Boolean),
)


def upgrade():
    op.bulk_insert(
        _instruments,
        [
            {
                "symbol": instrument.symbol,
                "name": instrument.name,
                "asset_class": instrument.asset_class.value,
                "decimals": instrument.decimals,
                "last_resort_price": str(instrument.last_resort_price),
                "provider_symbols": dict(instrument.provider_symbols),
                "active": True,
            }
            for instrument in CATALOGUE
        ],
    )


def downgrade():
    symbols = [instrument.symbol for instrument in CATALOGUE]
    op.execute(_instruments.delete().where(_instruments.c.symbol.in_(symbols)))
