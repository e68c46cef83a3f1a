"""the names of the first instruments at more sources, and the events of the feeds"""

import sqlalchemy as sa
from alembic import op

from omcrm.market.catalogue import CATALOGUE

revision = "0003"
down_revision = "0002"

_instruments = sa.table(
    "instruments",
    sa.column("id", sa.Integer),
    sa.column("symbol", sa.String),
    sa.column("provider_symbols", sa.JSON),
)


def upgrade():
    op.create_table(
        "feed_events",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("before", sa.String(40)),
        sa.Column("symbols", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("silent_ms", sa.Integer()),
    )
    op.create_index("ix_feed_events_at", "feed_events", ["at"])
    op.create_index("ix_feed_events_source", "feed_events", ["source"])
    known = {instrument.symbol: instrument.provider_symbols for instrument in CATALOGUE}
    connection = op.get_bind()
    for row in connection.execute(sa.select(_instruments)).all():
        # Names that an administrator wrote stay.
        names = {**known.get(row.symbol, {}), **row.provider_symbols}
        connection.execute(
            _instruments.update().where(_instruments.c.id == row.id).values(provider_symbols=names)
        )


def downgrade():
    op.drop_table("feed_events")
    connection = op.get_bind()
    for row in connection.execute(sa.select(_instruments)).all():
        kept = {
            source: name
            for source, name in row.provider_symbols.items()
            if source in ("binance", "simulated")
        }
        connection.execute(
            _instruments.update().where(_instruments.c.id == row.id).values(provider_symbols=kept)
        )
