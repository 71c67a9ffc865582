"""What is published now, in memory: the workspace, the plans and the templates they pin.

Plans and templates never change, so they are kept by digest; what is current is read again whenever
the revision in the database has changed: the same versions may be current again, and others have
been published in between, which enrollments still run on.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property, lru_cache

import sqlalchemy as sa

from engine.errors import EnvironmentFault, InputError, NotFoundError
from engine.mail.addresses import Address, parse_address
from engine.operations.calendars import calendar_of
from engine.playbook.plan import Plan, load_plan
from engine.playbook.templates import is_template
from engine.playbook.values import Scope
from engine.playbook.workspace import Workspace, load_workspace
from engine.runtime import civil
from engine.runtime.calendar import BusinessCalendar
from engine.runtime.fields import FieldTypes, field_types
from engine.store import mail_files, quick
from engine.store.database import Transaction
from engine.store.tables import PlanRow, PlaybookRow, Published, TemplateRow

published_table: sa.Table = Published.__table__  # type: ignore[attr-defined]
playbook_table: sa.Table = PlaybookRow.__table__  # type: ignore[attr-defined]
plan_table: sa.Table = PlanRow.__table__  # type: ignore[attr-defined]
template_table: sa.Table = TemplateRow.__table__  # type: ignore[attr-defined]

_revision = sa.select(published_table.c.digest, published_table.c.revision).where(
    published_table.c.id == 1
)
_lock = threading.Lock()
_current: dict[str, "Current"] = {}
_plans: dict[str, Plan] = {}
_templates: dict[str, str] = {}
_files: dict[str, dict[str, str]] = {}
_carried: dict[str, dict[str, bytes]] = {}
_MOST_CARRIED = 100_000_000


@dataclass(frozen=True)
class Current:
    """The published workspace with its current plans.

    Attributes:
        digest: of the workspace and of which plans are current; changes with every apply.
        plans: playbook name → its current plan, retired ones left out.
        digests: playbook name → the digest of that plan.
        heard: event names that some published plan, of any version, listens to.
        measured: those of them by which some split finds its winner.
    """

    digest: str
    workspace: Workspace
    plans: Mapping[str, Plan]
    digests: Mapping[str, str]
    heard: frozenset[str]
    measured: frozenset[str] = frozenset()

    @cached_property
    def zone(self) -> tzinfo:
        """The workspace's zone."""
        return civil.zone(self.workspace.timezone)

    def zone_of(self, record: Mapping[str, object]) -> tzinfo:
        """The record's zone, or the workspace's when it has none that is known."""
        name = record.get("timezone")
        return self.zone_or(name if isinstance(name, str) else "")

    def zone_or(self, name: str) -> tzinfo:
        """The zone of that name, or the workspace's when there is none."""
        try:
            return civil.zone(name) if name else self.zone
        except civil.ZoneError:
            return self.zone

    @cached_property
    def sender(self) -> Address:
        """Who mail comes from; without a setting, an address that no server will take."""
        return parse_address(
            self.workspace.sender.from_ or "Longplay <hello@localhost.localdomain>"
        )

    @cached_property
    def words(self) -> Mapping[str, object]:
        """What every template may say of the workspace: `sender`, `workspace`."""
        return {
            "sender": self.workspace.sender.model_dump(by_alias=True),
            "workspace": {"name": self.workspace.workspace},
        }

    @cached_property
    def subject_prefixes(self) -> Mapping[str, str]:
        """Country → what its law wants to see in a subject."""
        return self.workspace.subject_prefixes

    @property
    def domain(self) -> str:
        """The domain that Message-IDs end with."""
        return self.sender.email.rpartition("@")[2]

    @cached_property
    def custom(self) -> FieldTypes:
        """The types of the workspace's own lead fields."""
        return field_types(dict(self.workspace.fields.lead))

    @cached_property
    def deal_fields(self) -> FieldTypes:
        """The types of the workspace's own deal fields."""
        return field_types(dict(self.workspace.fields.deal))

    @cached_property
    def company_fields(self) -> FieldTypes:
        """The types of the workspace's own company fields."""
        return field_types(dict(self.workspace.fields.company))

    def calendar(self, name: str, scope: Scope) -> BusinessCalendar:
        """The calendar of this name; `owner` is the owner's, empty the workspace's only one."""
        if name == "owner":
            owner = scope.get("owner")
            name = str(owner.get("calendar") or "") if isinstance(owner, Mapping) else ""
        return self._calendar(name)

    def _calendar(self, name: str) -> BusinessCalendar:
        return _calendar_cached(self, name)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Current) and other.digest == self.digest


@lru_cache(maxsize=256)
def _calendar_cached(current: Current, name: str) -> BusinessCalendar:
    calendars = current.workspace.calendars
    name = name or current.workspace.calendar
    return calendar_of(calendars.get(name), current.zone)


def current(tx: Transaction) -> Current:
    """What is published.

    Raises:
        InputError: nothing has been applied yet.
    """
    found = quick.fetch(tx, _revision)
    if not found:
        raise InputError("nothing is published yet", help="run: longplay apply")
    digest, revision = found[0]["digest"], found[0]["revision"]
    with _lock:
        known = _current.get(revision)
    if known is not None:
        return known
    loaded = _load(tx, digest)
    with _lock:
        _current.clear()
        _current[revision] = loaded
    return loaded


def is_published(tx: Transaction) -> bool:
    """Whether anything has been applied yet."""
    return tx.conn.execute(sa.select(published_table.c.id)).first() is not None


def require_readable(tx: Transaction) -> None:
    """Looks whether this release can work with what was published.

    Raises:
        EnvironmentFault: a newer release published it.
    """
    if is_published(tx):
        current(tx)


def revision(tx: Transaction, *, lock: bool = False) -> str:
    """What tells one publication from every other; empty before the first.

    With `lock` no other transaction publishes before this one ends.
    """
    query = sa.select(published_table.c.revision)
    if lock and tx.is_postgres:
        query = query.with_for_update()
    return str(tx.conn.execute(query).scalar() or "")


def source(tx: Transaction) -> str | None:
    """The text of longplay.yaml as it was applied; None: nothing was yet."""
    document = tx.conn.execute(sa.select(published_table.c.workspace)).scalar()
    return None if document is None else str(document["source"])


def _load(tx: Transaction, digest: str) -> Current:
    document = tx.conn.execute(sa.select(published_table.c.workspace)).scalar_one()
    rows = tx.conn.execute(sa.select(playbook_table)).mappings().all()
    digests = {row["name"]: row["digest"] for row in rows if not row["retired"]}
    everything = tx.conn.execute(sa.select(plan_table.c.digest)).scalars().all()
    heard = frozenset().union(*(plan(tx, one).heard for one in everything))
    return Current(
        digest=digest,
        workspace=_workspace(document),
        plans={name: plan(tx, one) for name, one in digests.items()},
        digests=digests,
        heard=heard,
        measured=frozenset().union(*(plan(tx, one).measures for one in everything)),
    )


def _workspace(document: Mapping[str, str]) -> Workspace:
    """The workspace from the file's text as it was applied, parsed as it was then."""
    read = load_workspace(document["source"])
    if read.workspace is None:
        raise EnvironmentFault(
            "the published workspace cannot be read by this release", help="run: longplay apply"
        )
    return read.workspace


def plan(tx: Transaction, digest: str) -> Plan:
    """The plan of a digest."""
    known = _plans.get(digest)
    if known is None:
        body = tx.conn.execute(
            sa.select(plan_table.c.body).where(plan_table.c.digest == digest)
        ).scalar()
        if body is None:
            raise NotFoundError(f"no plan has the digest '{digest[:12]}'")
        known = _plans[digest] = load_plan(body)
    return known


def current_digests(tx: Transaction) -> dict[str, str]:
    """Playbook name → the digest of its current version, retired ones left out."""
    query = sa.select(playbook_table.c.name, playbook_table.c.digest)
    rows = tx.conn.execute(query.where(playbook_table.c.retired.is_(False)))
    return {row.name: row.digest for row in rows}


def versions_of(tx: Transaction, playbook: str) -> list[str]:
    """The digests of every version of a playbook that was ever published, oldest first."""
    query = sa.select(plan_table.c.digest).where(plan_table.c.playbook == playbook)
    ordered = query.order_by(plan_table.c.created_at, plan_table.c.digest)
    return list(tx.conn.execute(ordered).scalars())


def template(tx: Transaction, digest: str) -> str:
    """The text of a template file by its digest; empty when there is none."""
    if digest not in _templates:
        query = sa.select(template_table.c.body).where(template_table.c.digest == digest)
        body = tx.conn.execute(query).scalar()
        if body is None:
            return ""
        _templates[digest] = body
    return _templates[digest]


def templates(tx: Transaction, digest: str) -> Mapping[str, str]:
    """The template files that the plan of a digest pins: file name → text."""
    found = _files.get(digest)
    if found is None:
        found = _files[digest] = _pinned(tx, plan(tx, digest))
    return found


def _pinned(tx: Transaction, one: Plan) -> dict[str, str]:
    pinned = {name: digest for name, digest in one.templates.items() if is_template(name)}
    missing = [digest for digest in pinned.values() if digest not in _templates]
    if missing:
        query = sa.select(template_table.c.digest, template_table.c.body)
        for digest, body in tx.conn.execute(query.where(template_table.c.digest.in_(missing))):
            _templates[digest] = body
    return {name: _templates[digest] for name, digest in pinned.items()}


def carried(tx: Transaction, digest: str) -> Mapping[str, bytes]:
    """The files that go with mails of the plan of a digest: file name → content."""
    found = _carried.get(digest)
    if found is None:
        found = _read_carried(tx, plan(tx, digest))
        kept = list(_carried.values())
        if sum(len(one) for each in kept for one in each.values()) > _MOST_CARRIED:
            _carried.clear()
        _carried[digest] = found
    return found


def _read_carried(tx: Transaction, one: Plan) -> dict[str, bytes]:
    pinned = {name: digest for name, digest in one.templates.items() if not is_template(name)}
    contents = mail_files.contents(tx, pinned.values()) if pinned else {}
    return {name: contents[digest] for name, digest in pinned.items()}
