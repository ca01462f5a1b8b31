"""The first tables: entries, snapshots of the state, and the number of the last entry of each project."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_heads",
        sa.Column("project", sa.String(36), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
    )
    op.create_table(
        "log_entries",
        sa.Column("project", sa.String(36), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("token", sa.String(200), nullable=False),
        sa.Column("at", sa.String(24), nullable=False),
        sa.Column("person", sa.String(200), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("route", sa.String(20), nullable=False),
        sa.Column("n_rows", sa.Integer, nullable=False),
        sa.Column("kept", sa.Integer, nullable=False),
        sa.Column("undoes", sa.Integer),
        sa.Column("policy", sa.String(20)),
        sa.Column("label", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("view", sa.Text),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("rows", sa.LargeBinary, nullable=False),
        sa.Column("codes", sa.LargeBinary),
        sa.Column("names", sa.Text),
        sa.Column("excluded", sa.LargeBinary),
        sa.Column("before", sa.LargeBinary, nullable=False),
        sa.Column("under", sa.LargeBinary),
        sa.UniqueConstraint("project", "token", name="log_entries_token"),
    )
    op.create_index("log_entries_person", "log_entries", ["project", "person", "number"])
    op.create_table(
        "log_snapshots",
        sa.Column("project", sa.String(36), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    for table in ("log_snapshots", "log_entries", "log_heads"):
        op.drop_table(table)
