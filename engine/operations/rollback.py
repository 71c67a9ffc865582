"""Versions of playbooks: which was published when, who still runs on which, and going back to one.

A version is a plan with the templates that it pins; it never changes and is never deleted, so going
back is publishing it again. The workspace stays as it is, and so do the files; so an old version is
held against the workspace of today first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.errors import InputError, NotFoundError
from engine.operations import published
from engine.operations.editions import Edition
from engine.operations.planning import PlaybookChange
from engine.operations.publish import publish_planned
from engine.operations.published import Current
from engine.playbook.fitness import misfits
from engine.playbook.plan import Plan
from engine.playbook.spelling import did_you_mean
from engine.store import standings, versions
from engine.store.database import Store, Transaction

_TOLD = 8


@dataclass(frozen=True, slots=True)
class Version:
    """A publication of a playbook.

    Attributes:
        digest: of the version; empty: the playbook was retired.
        how: `apply` or `rollback`.
        is_current: new enrollments begin on it.
        running: open enrollments on this version; told at its latest publication.
    """

    playbook: str
    digest: str
    at: datetime
    actor: str
    how: str
    is_current: bool
    running: int

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "playbook": self.playbook, "digest": self.digest or None, "at": self.at,
            "actor": self.actor, "how": self.how, "current": self.is_current,
            "running": self.running,
        }  # fmt: skip


def history(store: Store, playbook: str = "") -> list[Version]:
    """The publications of a playbook, or of all, newest first.

    Raises:
        NotFoundError: nothing of that name was ever published.
    """
    return store.read(lambda tx: history_in(tx, playbook))


def history_in(tx: Transaction, playbook: str = "") -> list[Version]:
    """`history` within a transaction."""
    found = versions_in(tx, playbook)
    if playbook and not found:
        known = {row["playbook"] for row in versions.history(tx)}
        raise NotFoundError(
            f"no playbook '{playbook[:80]}' was ever published", help=did_you_mean(playbook, known)
        )
    return found


def versions_in(tx: Transaction, playbook: str = "", *, limit: int = 1000) -> list[Version]:
    """The newest publications of a playbook, or of all; none is no fault."""
    rows = versions.history(tx, playbook, limit=limit)
    digests = published.current_digests(tx)
    running = standings.by_version(tx, playbook)
    seen: set[tuple[str, str]] = set()
    found = []
    for row in rows:
        name, digest = row["playbook"], row["digest"]
        is_latest = (name, digest) not in seen
        seen.add((name, digest))
        found.append(
            Version(
                name, digest, row["at"], row["actor"], row["how"],
                is_current=is_latest and bool(digest) and digests.get(name) == digest,
                running=running.get((name, digest), 0) if is_latest else 0,
            )
        )  # fmt: skip
    return found


def rollback(
    store: Store, playbook: str, *, to: str = "", actor: str = "", force: bool = False
) -> PlaybookChange:
    """Publishes an earlier version of a playbook again; running enrollments stay where they are.

    Args:
        store: the workspace's store.
        playbook: its name; one that was retired takes leads in again.
        to: the beginning of the version's digest; empty: the version before the present one.
        actor: who does it.
        force: although it names what the workspace has no more.

    Raises:
        InputError: there is no such version, it is published already, or it does not fit.
    """

    def edition_of(tx: Transaction) -> Edition:
        current = published.current(tx)
        now = current.digests.get(playbook, "")
        digest = _wanted(history_in(tx, playbook), playbook, now, to)
        plan = published.plan(tx, digest)
        if not force:
            _must_fit(plan, current)
        plans = dict(current.plans) | {playbook: plan}
        return Edition(published.source(tx) or "", plans, {})

    found = publish_planned(store, edition_of, "rollback", actor)
    return next(one for one in found.changes if one.playbook == playbook)


def _must_fit(plan: Plan, current: Current) -> None:
    """Refuses a plan that names what is not there today.

    Raises:
        InputError: it does, with everything that is missing.
    """
    found = misfits(plan, current.workspace, current.plans)
    if not found:
        return
    lines = [f"  {one}" for one in found[:_TOLD]]
    lines += [f"  … and {len(found) - _TOLD} more"] if len(found) > _TOLD else []
    raise InputError(
        f"version '{plan.digest[:8]}' of '{plan.playbook}' does not fit the workspace of today:\n"
        + "\n".join(lines),
        help="put back what is missing and apply, choose another version, or say --force: "
        "whoever comes to such a step stops there",
    )


def _wanted(known: Sequence[Version], playbook: str, now: str, to: str) -> str:
    """The digest to go back to."""
    digests = list(dict.fromkeys(one.digest for one in known if one.digest))
    others = [one for one in digests if one != now]
    help = f"list them with: longplay versions {playbook}"
    if not to:
        if not others:
            raise InputError(f"'{playbook}' has no version but the one that is published")
        return others[0]
    found = [one for one in digests if one.startswith(to.lower())]
    if not found:
        raise NotFoundError(f"'{playbook}' has no version '{to[:64]}'", help=help)
    if len(found) > 1:
        raise InputError(f"'{to}' is the beginning of {len(found)} versions", help=help)
    if found[0] == now:
        raise InputError(f"version '{found[0][:8]}' is published already", help=help)
    return found[0]
