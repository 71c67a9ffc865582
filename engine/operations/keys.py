"""Keys: made, replaced, taken back, and looked up. A key is shown once, and kept as a hash.

`lp_ID_SECRET`: the id names the row, the secret has 256 random bits, so that SHA-256 without salt
or stretching is enough: there is nothing to guess.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.playbook.spelling import did_you_mean
from engine.store import keys
from engine.store.database import Store, Transaction

SCOPES: Mapping[str, str] = {
    "events": "send events: `POST /v1/events`",
    "read": "read records, enrollments, messages: `GET /v1/…`",
    "write": "change them: everything else under `/v1`",
    "metrics": "read `/metrics`",
    "pages": "sign in to the dashboard, and act there",
}
"""What a key may open."""

MOST = 1_000
"""Good keys at a time."""

NOTED = timedelta(hours=1)
"""How exactly it is known when a key was used last."""

OVERLAP = timedelta(days=1)
"""How long a key that was replaced goes on by default."""

_LOOKS = re.compile(r"lp_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Key:
    """A key that opens something now.

    Attributes:
        id: what it begins with.
        name: what it is for.
        digest: of its secret.
        scopes: what it opens.
    """

    id: str
    name: str
    digest: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Made:
    """A key just made; `text` is told nobody else, and never again."""

    id: str
    name: str
    scopes: tuple[str, ...]
    text: str
    expires_at: datetime | None


def make(
    store: Store, name: str, scopes: Iterable[str], *, lasts: timedelta | None = None,
    actor: str = "",
) -> Made:  # fmt: skip
    """A new key.

    Args:
        store: the workspace's store.
        name: what it is for, such as `shop`.
        scopes: what it opens.
        lasts: how long; None: until it is taken back.
        actor: who makes it.

    Raises:
        InputError: a scope is unknown, the name is no name, or there are too many keys.
    """
    wanted = tuple(dict.fromkeys(scopes))
    _require(name, wanted)
    return store.write(lambda tx: _made(tx, name, wanted, lasts, actor))


def rotate(
    store: Store, id: str, *, overlap: timedelta = OVERLAP, actor: str = ""
) -> Made:  # fmt: skip
    """A key in the place of another, which goes on for a while and then ends.

    Raises:
        NotFoundError: there is no such key.
        InputError: it opens nothing any more.
    """

    def work(tx: Transaction) -> Made:
        row = _good(tx, id)
        left = None if row["expires_at"] is None else row["expires_at"] - tx.now
        made = _made(tx, row["name"], tuple(row["scopes"]), left, actor)
        end = tx.now + overlap
        keys.change(tx, row["id"], expires_at=min(row["expires_at"] or end, end))
        return made

    return store.write(work)


def revoke(store: Store, id: str) -> None:
    """Takes a key back: web servers know it within seconds.

    Raises:
        NotFoundError: there is no such key.
        InputError: it opens nothing any more.
    """

    def work(tx: Transaction) -> None:
        keys.change(tx, _good(tx, id)["id"], revoked_at=tx.now)

    store.write(work)


def list_keys(store: Store) -> list[dict[str, object]]:
    """All keys there ever were, without what they open by."""

    def work(tx: Transaction) -> list[dict[str, object]]:
        return [
            {
                "id": row["id"], "name": row["name"], "state": _state(row, tx.now),
                "scopes": list(row["scopes"]), "created_at": row["created_at"],
                "actor": row["actor"], "expires_at": row["expires_at"],
                "used_at": row["used_at"],
            }
            for row in keys.every(tx)
        ]  # fmt: skip

    return store.read(work)


def good_keys(tx: Transaction) -> tuple[Key, ...]:
    """Every key that opens something now."""
    return tuple(
        Key(row["id"], row["name"], row["digest"], frozenset(row["scopes"]))
        for row in keys.good(tx)
    )


def looks_like_key(text: str) -> bool:
    """Whether it is spelled like one of these."""
    return _LOOKS.fullmatch(text) is not None


def key_of(text: str, known: Iterable[Key]) -> Key | None:
    """The key that this is the text of."""
    found = _LOOKS.fullmatch(text)
    if found is None:
        return None
    digest = _digest(found[2])
    return next(
        (one for one in known if one.id == found[1] and hmac.compare_digest(one.digest, digest)),
        None,
    )


def note_used(store: Store, id: str) -> None:
    """Notes that a key was used, to the hour."""
    store.write(lambda tx: keys.note_used(tx, id, tx.now - NOTED))


def _made(
    tx: Transaction, name: str, scopes: Sequence[str], lasts: timedelta | None, actor: str
) -> Made:
    if len(keys.good(tx)) >= MOST:
        raise InputError(f"there are {MOST} keys already", help="revoke those that nobody uses")
    id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    expires_at = tx.now + lasts if lasts is not None else None
    keys.insert(
        tx, id=id, name=name, digest=_digest(secret), scopes=list(scopes), created_at=tx.now,
        actor=actor, expires_at=expires_at,
    )  # fmt: skip
    return Made(id, name, tuple(scopes), f"lp_{id}_{secret}", expires_at)


def _good(tx: Transaction, id: str) -> sa.RowMapping:
    row = keys.by_id(tx, id.removeprefix("lp_")[:12])
    if row is None:
        raise NotFoundError(f"no key has the id '{id[:20]}'", help="see: longplay keys list")
    state = _state(row, tx.now)
    if state != "good":
        raise InputError(f"the key '{row['id']}' is {state} already")
    return row


def _state(row: sa.RowMapping, now: datetime) -> str:
    expires_at = row["expires_at"]
    if row["revoked_at"] is not None:
        return "revoked"
    return "expired" if isinstance(expires_at, datetime) and expires_at <= now else "good"


def _require(name: str, scopes: Collection[str]) -> None:
    if not name.strip() or len(name) > 60 or not name.isprintable():
        raise InputError(f"'{name[:60]}' is no name for a key", help="such as: shop")
    if not scopes:
        raise InputError("the key opens nothing", help=f"give it scopes: {', '.join(SCOPES)}")
    for one in scopes:
        if one not in SCOPES:
            raise InputError(f"no scope is named '{one[:40]}'", help=did_you_mean(one, SCOPES))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
