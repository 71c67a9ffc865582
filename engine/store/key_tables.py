"""The table of the keys that programs and people come in with. It holds no key, and no queries."""

from datetime import datetime

from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import instant, json_document


class ApiKey(SQLModel, table=True):
    """A key, known by its hash alone.

    Attributes:
        id: what the key begins with; no secret.
        digest: SHA-256 of the secret, which has 256 random bits of its own.
        scopes: what it opens.
        expires_at: when it ends; a key that was replaced ends so.
        used_at: about when it was used last, to the hour.
    """

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    name: str
    digest: str
    scopes: list[str] = json_document(list)
    created_at: datetime = instant(nullable=False)
    actor: str = ""
    expires_at: datetime | None = instant()
    revoked_at: datetime | None = instant()
    used_at: datetime | None = instant()
