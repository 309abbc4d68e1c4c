"""Empty, and to stay so: databases have gone past it. What certificates need of the database is a later revision."""

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing."""
