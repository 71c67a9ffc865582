"""Enrolling named deals by hand, a page at a time; all that a condition holds of go in bulk."""

from collections.abc import Mapping, Sequence
from functools import partial

from engine.errors import InputError
from engine.ids import new_id
from engine.operations import published
from engine.operations.enrolling_by_hand import PAGE, Enrolled
from engine.operations.entering import Group, playbook_of
from engine.operations.selecting import Selection
from engine.playbook.values import Value
from engine.store import deals
from engine.store.database import Store, Transaction


def enroll_deals(
    store: Store,
    playbook: str,
    ids: Sequence[str],
    *,
    key: str | None = None,
    properties: Mapping[str, Value] | None = None,
) -> Enrolled:
    """Enrolls deals in `playbook`, by its own rules of entry.

    Args:
        store: the workspace's store.
        playbook: its name; for a playbook for leads, the deals' primary contacts are enrolled.
        ids: the deals.
        key: the key of the enrollments.
        properties: what `event` is for them.

    Raises:
        InputError: the playbook or a deal is not right; nothing was enrolled.
    """
    wanted = sorted(set(ids))

    def check(tx: Transaction) -> None:
        playbook_of(published.current(tx), playbook)
        known = deals.contacts_of(tx, wanted)
        missing = next((id for id in wanted if id not in known), None)
        if missing is not None:
            raise InputError(
                f"there is no deal '{missing[:60]}'", help="list them with: longplay deals list"
            )

    store.read(check)
    lane = "live" if len(wanted) <= PAGE else "bulk"
    cause = f"manual:{new_id()}"
    group = Group(playbook, cause, "enrolled by hand", lane, key, properties or {})
    answer = Enrolled()
    for start in range(0, len(wanted), PAGE):
        answer.add(store.write(partial(_enroll, group, wanted[start : start + PAGE])))
    return answer


def _enroll(group: Group, ids: Sequence[str], tx: Transaction) -> Enrolled:
    current = published.current(tx)
    playbook_of(current, group.playbook)
    return group.enroll(tx, current, ids, Selection(current, record="deal"))
