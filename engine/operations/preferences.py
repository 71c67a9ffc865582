"""What a lead wants mail about, as it says on its own page: topics, everything, language, openings.

A page belongs to one message; what is changed becomes suppressions, events and lines of the ledger
in one transaction. What stays as it is leaves no trace.
"""

from collections.abc import Collection
from dataclasses import dataclass

from engine.ids import new_id
from engine.operations import published
from engine.operations.edit_leads import put_lead_in
from engine.operations.incoming import Evidence, IncomingEvent
from engine.operations.intake import intake_in
from engine.operations.messages import Mailed, mailed
from engine.operations.unsubscribing import addresses_of, come_back, leave, locked
from engine.runtime.consenting import AGREED
from engine.store import suppressions
from engine.store.database import Store, Transaction
from engine.store.suppressions import EVERYTHING


@dataclass(frozen=True, slots=True)
class Preferences:
    """How the recipient of a message stands with us, and what may be chosen.

    Attributes:
        address: where the message went.
        topic: what the message was about; empty: no topic.
        from_all: unsubscribed from all marketing.
        topics: every topic of the workspace, and whether mail about it may come.
        opens: whether the recipient lets us see openings.
        sender: who we are, as the message said.
        language: the lead's, or empty.
        is_known: whether the lead is still on record, so that more than leaving can be kept.
        version: of the texts that are shown.
    """

    address: str
    topic: str
    from_all: bool
    topics: tuple[tuple[str, bool], ...]
    opens: bool
    sender: str
    language: str
    is_known: bool
    version: str

    @property
    def from_topic(self) -> bool:
        """Whether mail about the message's own topic has been turned off."""
        return any(name == self.topic and not wanted for name, wanted in self.topics)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the page came back with.

    Attributes:
        topics: the topics that were ticked.
        opens: whether openings may be seen.
        language: of mails; empty: as it is.
    """

    topics: Collection[str]
    opens: bool
    language: str = ""


def look(store: Store, job: str) -> Preferences | None:
    """How the recipient of this message stands; None: we know no such message any more."""
    return store.read(lambda tx: _look(tx, mailed(tx, job)))


def save(
    store: Store, job: str, wish: Wish, *, evidence: Evidence, opens: Evidence
) -> Preferences | None:
    """Keeps what a lead wishes; answers how it stands then.

    Args:
        store: the workspace's store.
        job: the message whose page it was.
        wish: what was chosen.
        evidence: how the choice of topics came about.
        opens: how the choice about openings did.

    Raises:
        InputError: the language is none.
    """

    def work(tx: Transaction) -> Preferences | None:
        message = locked(tx, job)
        found = _look(tx, message)
        if message is None or found is None:
            return None
        for topic, wanted in found.topics:
            if wanted and topic not in wish.topics:
                leave(tx, message, topic, evidence)
            elif not wanted and topic in wish.topics:
                come_back(tx, message, topic, evidence)
        if found.is_known and wish.opens != found.opens:
            _let_see(tx, message, wish, opens)
        if found.is_known and wish.language and wish.language != found.language:
            changed = {"id": message.lead, "language": wish.language}
            put_lead_in(tx, changed, actor="lead")
        return _look(tx, mailed(tx, job))

    return store.write(work)


def _let_see(tx: Transaction, message: Mailed, wish: Wish, evidence: Evidence) -> None:
    said = IncomingEvent(
        "consent.given" if wish.opens else "consent.withdrawn",
        {"id": message.lead},
        id=new_id(),
        properties={"purpose": "open_tracking", "confirmed": True},
        enrollment=message.enrollment,
        source=message.step,
        evidence=evidence,
    )
    intake_in(tx, [said])


def _look(tx: Transaction, message: Mailed | None) -> Preferences | None:
    if message is None or not addresses_of(message):
        return None
    addresses = addresses_of(message)
    blocks = suppressions.blocks_of(tx, addresses).values()
    left = frozenset[str]().union(*(one.topics for one in blocks))
    current = published.current(tx)
    names = dict.fromkeys([*current.workspace.topics, *filter(None, [message.topic])])
    facts = message.lead_facts
    return Preferences(
        address=addresses[0],
        topic=message.topic,
        from_all=EVERYTHING in left,
        topics=tuple((name, name not in left) for name in names),
        opens=facts.get("open_consent") in AGREED,
        sender=current.sender.name or current.workspace.workspace,
        language=str(facts.get("language") or ""),
        is_known=bool(facts),
        version=current.workspace.consent.version,
    )
