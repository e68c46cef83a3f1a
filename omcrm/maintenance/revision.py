"""The revision of a database's tables, compared with this program's."""

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from omcrm.errors import MaintenanceRefused
from omcrm.maintenance.database_app import MIGRATIONS

REVISION_TABLE = "alembic_version"


def own_revision() -> str:
    """The revision that this program needs."""
    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


def is_known(revision: str) -> bool:
    """Whether this program has the migration to this revision."""
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    return revision in known


def revision_of(connection: Connection) -> str | None:
    """The revision of this database; None where it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def revision_problem(revision: str | None) -> str | None:
    """Why this program cannot work with tables of this revision, and what to do; None where it
    can."""
    own = own_revision()
    if revision is None:
        return "it has no tables of OMCRM: `python manage.py setup` makes them"
    if not is_known(revision):
        return (
            f"its revision {revision} is unknown to this program, whose last one is {own}: "
            "use the version of OMCRM that it belongs to, or a newer one"
        )
    if revision != own:
        return (
            f"it is at revision {revision}, and this program at {own}: "
            "run `python manage.py setup` with its DATABASE_URL first"
        )
    return None


def require_own_revision(name: str, revision: str | None) -> None:
    """Raise MaintenanceRefused where this program cannot work with tables of this revision."""
    if problem := revision_problem(revision):
        raise MaintenanceRefused(f"{name}: {problem}")
