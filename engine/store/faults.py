"""What a database that cannot be used says, in our words; a fault of our own stays what it is."""

import re

from sqlalchemy.exc import DatabaseError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.errors import EnvironmentFault

_AWAY = re.compile(
    r"unable to open|not a database|malformed|readonly|read-only|disk|connect|authentication|"
    r"password|closed the|does not exist|no such table|shutting down|starting up|too many|"
    r"(lock|statement) timeout",
    re.IGNORECASE,
)


def fault_of(error: BaseException) -> EnvironmentFault | None:
    """The fault that a database's error tells of; None when it is none of the surroundings."""
    if isinstance(error, PoolTimeoutError):
        return EnvironmentFault(
            "all connections to the database are busy",
            help="try again, or raise LONGPLAY_DATABASE_CONNECTIONS",
        )
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    said = next(iter(str(error.orig).strip().splitlines()), "")
    if not _AWAY.search(said):
        return None
    return EnvironmentFault(
        f"the database cannot be used: {said}",
        help="check LONGPLAY_DATABASE_URL, and look with: longplay doctor",
    )
