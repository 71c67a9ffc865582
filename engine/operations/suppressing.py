"""The suppression list in a person's hands: who must not be mailed, and why."""

from typing import Any

from engine.errors import InputError, NotFoundError
from engine.operations import published
from engine.operations.incoming import Evidence, IncomingEvent
from engine.operations.intake import intake_in
from engine.playbook.spelling import did_you_mean
from engine.runtime.identity import address
from engine.store import leads, suppressions
from engine.store.database import Store, Transaction

REASONS = ("unsubscribed", "bounced", "complained", "manual")
"""Why an address may be on the list; only `unsubscribed` still lets transactional mail go."""


def listing(
    store: Store, *, reason: str | None = None, after: str = "", limit: int = 100
) -> list[dict[str, Any]]:
    """A page of the list, in the order of the addresses' keys."""

    def read(tx: Transaction) -> list[dict[str, Any]]:
        return [
            {
                "email": row["email_key"], "topic": row["topic"], "reason": row["reason"],
                "source": row["source"], "at": row["at"],
            }
            for row in suppressions.listing(tx, after=after, limit=limit, reason=reason)
        ]  # fmt: skip

    return store.read(read)


def add(store: Store, email: str, *, reason: str = "manual", topic: str = "") -> bool:
    """Suppresses an address; answers whether it was not before.

    An unsubscription of a lead ends its runs, as if the lead had asked itself.

    Raises:
        InputError: the address, the reason or the topic is not right.
    """
    return store.write(lambda tx: _add(tx, address(email), reason, topic))


def remove(store: Store, email: str, *, reason: str | None = None, topic: str | None = None) -> int:
    """Lifts an address's suppressions, all of them or those for one reason or topic.

    Raises:
        NotFoundError: there is none such.
    """
    reasons = None if reason is None else [reason]
    lifted = store.write(lambda tx: suppressions.remove(tx, email, topic=topic, reasons=reasons))
    if not lifted:
        raise NotFoundError(
            f"'{email[:100]}' is not on the list", help="see it with: longplay suppressions list"
        )
    return lifted


def _add(tx: Transaction, email: str, reason: str, topic: str) -> bool:
    if reason not in REASONS:
        raise InputError(f"no reason is named '{reason}'", help=did_you_mean(reason, REASONS))
    if topic:
        topics = published.current(tx).workspace.topics
        if reason != suppressions.UNSUBSCRIBED:
            raise InputError(
                f"'{reason}' stops every mail, not those of one topic",
                help="give --reason unsubscribed with a topic",
            )
        if topic not in topics:
            raise InputError(f"no topic is named '{topic}'", help=did_you_mean(topic, topics))
    found = leads.find_by_email(tx, [email])
    leads.lock(tx, found.values())
    is_new = suppressions.add(tx, email, reason=reason, topic=topic, source="by hand")
    if found and is_new and reason == suppressions.UNSUBSCRIBED:
        said = IncomingEvent(
            "email.unsubscribed", {"email": email}, properties={"topic": topic},
            evidence=Evidence("suppression list", actor="by hand"),
        )  # fmt: skip
        intake_in(tx, [said])
    return is_new
