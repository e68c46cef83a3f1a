"""failed logins by network and known browser, and reserved attempts over all networks"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade():
    # Its rows are deleted after a day anyway, and have no network.
    _replace(
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("turn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account", "origin", name=op.f("pk_login_failures")),
    )


def downgrade():
    _replace(
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_failures")),
    )


def _replace(*columns):
    op.drop_table("login_failures")
    op.create_table("login_failures", *columns)
    op.create_index(
        op.f("ix_login_failures_last_failed_at"), "login_failures", ["last_failed_at"], unique=False
    )
