"""Codes and figures of the feeds' events; those that exist keep their sentences."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade():
    op.add_column("feed_events", sa.Column("code", sa.String(40)))
    op.add_column("feed_events", sa.Column("figures", sa.JSON()))


def downgrade():
    # The version before shows nothing else.
    op.execute("UPDATE feed_events SET reason = code WHERE reason = '' AND code IS NOT NULL")
    with op.batch_alter_table("feed_events") as table:
        table.drop_column("figures")
        table.drop_column("code")
