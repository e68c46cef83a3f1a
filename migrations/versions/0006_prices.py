"""daily closes and the latest price of each instrument"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade():
    op.create_table(
        "asset_prices",
        sa.Column("instrument_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("price", sa.String(length=64), nullable=False),
        sa.Column("price_class", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("provider_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["instrument_id"],
            ["instruments.id"],
            name=op.f("fk_asset_prices_instrument_id_instruments"),
        ),
        sa.PrimaryKeyConstraint("instrument_id", name=op.f("pk_asset_prices")),
    )
    op.create_table(
        "daily_candles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instrument_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("price_class", sa.String(length=16), nullable=False),
        sa.Column("open", sa.String(length=64), nullable=True),
        sa.Column("high", sa.String(length=64), nullable=True),
        sa.Column("low", sa.String(length=64), nullable=True),
        sa.Column("close", sa.String(length=64), nullable=False),
        sa.Column("volume", sa.String(length=64), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["instrument_id"],
            ["instruments.id"],
            name=op.f("fk_daily_candles_instrument_id_instruments"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_daily_candles")),
        # Its index is also the one that days are looked up by.
        sa.UniqueConstraint(
            "instrument_id", "day", "source", name=op.f("uq_daily_candles_instrument_id")
        ),
    )


def downgrade():
    op.drop_table("daily_candles")
    op.drop_table("asset_prices")
