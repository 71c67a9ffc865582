"""The table of mail accounts that could not be entered, one row each until they can. No queries."""

from datetime import datetime

from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import instant


class MailAccountState(SQLModel, table=True):
    """An account whose server did not let us in when it was last tried.

    Attributes:
        failures: tries in a row that failed.
        until: it is not tried before, once it counts as down; before that, when it last failed.
        since: when the first of these tries failed.
        reason: what came of the last one.
    """

    __tablename__ = "mail_account"
    name: str = Field(primary_key=True)
    failures: int
    until: datetime = instant(nullable=False)
    since: datetime = instant(nullable=False)
    reason: str = ""
