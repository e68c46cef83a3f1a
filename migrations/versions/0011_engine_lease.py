"""Which process runs the feeds, where there are several."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade():
    op.create_table(
        "engine_lease",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("holder", sa.String(120), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False, unique=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade():
    op.drop_table("engine_lease")
