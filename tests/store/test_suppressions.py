"""The suppression list: who must not be mailed, about what, until when."""

from engine.store import suppressions
from engine.store.database import Store, Transaction
from engine.store.suppressions import UNSUBSCRIBED, Blocks


def block(store: Store, address: str, reason: str, topic: str = "") -> bool:
    return store.write(lambda tx: suppressions.add(tx, address, reason=reason, topic=topic))


def blocks(store: Store, *addresses: str) -> dict[str, Blocks]:
    return store.read(lambda tx: suppressions.blocks_of(tx, addresses))


def test_an_address_is_blocked_however_it_is_spelled(store: Store) -> None:
    """And the second time is not news."""
    assert block(store, "Ann@Acme.example", "bounced")
    assert not block(store, "ann@ACME.example", "bounced")
    found = blocks(store, "ANN@acme.example", "bo@acme.example")
    assert found["ANN@acme.example"].dead == "the address is suppressed: bounced"
    assert found["bo@acme.example"] == Blocks()


def test_leaving_a_topic_blocks_that_topic_alone(store: Store) -> None:
    """Other topics may still go; all of them may not after leaving everything."""
    block(store, "ann@acme.example", UNSUBSCRIBED, topic="newsletter")
    found = blocks(store, "ann@acme.example")["ann@acme.example"]
    assert found.unsubscribed_from("newsletter") == "unsubscribed from newsletter"
    assert (found.unsubscribed_from("tips"), found.dead, found.is_blocked) == ("", "", False)
    block(store, "ann@acme.example", UNSUBSCRIBED)
    found = blocks(store, "ann@acme.example")["ann@acme.example"]
    assert found.unsubscribed_from("tips") == "unsubscribed from all"
    assert (found.dead, found.is_blocked) == ("", True)


def test_lifting_one_reason_leaves_the_others(store: Store) -> None:
    """A bounce that was a mistake does not bring back a lead who left."""
    block(store, "ann@acme.example", UNSUBSCRIBED)
    block(store, "ann@acme.example", "bounced")

    def lift(tx: Transaction) -> int:
        return suppressions.remove(tx, "ANN@acme.example", reasons=["bounced"])

    assert store.write(lift) == 1
    found = blocks(store, "ann@acme.example")["ann@acme.example"]
    assert (found.dead, found.unsubscribed_from("tips")) == ("", "unsubscribed from all")
    assert store.write(lambda tx: suppressions.remove(tx, "ann@acme.example")) == 1
    assert blocks(store, "ann@acme.example")["ann@acme.example"] == Blocks()


def test_blocked_leads_are_told_from_their_addresses(store: Store) -> None:
    """A lead without an address is not blocked."""
    block(store, "a@acme.example", UNSUBSCRIBED)
    block(store, "b@acme.example", UNSUBSCRIBED, topic="tips")
    block(store, "c@acme.example", "complained")
    given = {"a": "a@acme.example", "b": "b@acme.example", "c": "C@acme.example", "d": None}
    assert store.read(lambda tx: suppressions.blocked(tx, given)) == {"a", "c"}


def test_what_is_no_address_can_be_suppressed_too(store: Store) -> None:
    """A provider may report whatever it was given."""
    assert block(store, "Not An Address", "bounced")
    assert blocks(store, "not an address")["not an address"].dead


def test_many_are_suppressed_at_once_and_listed_in_pages(store: Store) -> None:
    """An address that occurs twice counts once."""
    many = [f"a{number}@b.example" for number in range(5)] + ["A0@b.example"]
    assert len(store.write(lambda tx: suppressions.add_many(tx, many, reason="imported"))) == 5
    first = store.read(lambda tx: suppressions.listing(tx, limit=3))
    last = str(first[-1]["email_key"])
    rest = store.read(lambda tx: suppressions.listing(tx, after=last, limit=3))
    assert [row["email_key"] for row in first + rest] == many[:5]
    assert store.read(lambda tx: suppressions.listing(tx, reason="bounced")) == []
