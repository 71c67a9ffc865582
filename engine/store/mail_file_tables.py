"""The table of files that go with mails: pictures and attachments, each content once."""

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes


class MailFile(SQLModel, table=True):
    """A file by the digest of its content, so that plans can pin it."""

    __tablename__ = "mail_file"
    digest: str = Field(primary_key=True)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
