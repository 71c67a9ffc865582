"""The built-in names: complete, described, and open to a workspace's own."""

import re
from pathlib import Path

import pytest

from engine.playbook import catalog
from engine.playbook.catalog import EVENTS, vocabulary
from engine.playbook.conditions import compile_condition
from engine.playbook.conditions.filters import FILTERS, TESTS
from engine.playbook.conditions.vocabulary import Kind

NAME = re.compile(r"[a-z][a-z0-9_]*")


@pytest.mark.parametrize(
    "fields", [catalog.LEAD_FIELDS, catalog.DEAL_FIELDS, catalog.OWNER_FIELDS], ids=len
)
def test_every_field_is_described_once(fields: tuple[catalog.Field, ...]) -> None:
    """The reference pages are made of these descriptions."""
    assert len({each.name for each in fields}) == len(fields)
    for each in fields:
        assert NAME.fullmatch(each.name)
        assert each.description.endswith(".")


def test_every_event_is_described_once() -> None:
    """Events have dotted names, and described properties."""
    assert len(catalog.EVENT_NAMES) == len(EVENTS)
    for event in EVENTS:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", event.name)
        assert event.description.endswith(".")
        assert all(each.description.endswith(".") for each in event.properties)


def test_mail_events_are_those_of_the_language() -> None:
    """Eight things can happen to a mail."""
    verbs = [
        "sent",
        "delivered",
        "opened",
        "clicked",
        "replied",
        "bounced",
        "complained",
        "unsubscribed",
    ]
    assert tuple(f"email.{verb}" for verb in verbs) == catalog.EMAIL_EVENTS


def test_a_workspace_adds_fields_events_and_segments() -> None:
    """Its own names stand beside the built-in ones, with their types."""
    words = vocabulary(
        lead_fields={"plan": {"enum": ["free", "pro"]}},
        events={"quote.created": {"amount": "number"}},
        segments=["hot"],
        event="quote.created",
        owners=["li.wei"],
    )
    lead, event = words.roots["lead"].fields or {}, words.roots["event"].fields or {}
    assert lead["plan"].values == ("free", "pro")
    assert lead["owner"].values == ("li.wei",)
    assert event["amount"].kind is Kind.NUMBER
    assert {"lead.plan", "segment.hot", "event.amount"} <= set(words.names())


def test_any_event_may_be_looked_at_where_none_is_named() -> None:
    """Its properties are not known beforehand."""
    assert vocabulary().roots["event"].fields is None
    assert vocabulary(event="form.submitted").roots["event"].fields is None


@pytest.mark.parametrize("declared", ["string", {"enum": "free"}, {"values": []}], ids=str)
def test_a_field_of_no_known_type_is_refused(declared: str | dict[str, object]) -> None:
    """The types are a closed list."""
    with pytest.raises(ValueError, match="field type"):
        vocabulary(lead_fields={"plan": declared})


def test_every_filter_and_test_has_an_example_that_compiles() -> None:
    """What help shows can be pasted."""
    described = [(each.usage, each.description) for each in FILTERS.values()]
    described += [(each.usage, each.description) for each in TESTS.values()]
    for usage, description in described:
        assert compile_condition(usage, vocabulary()).text == usage
        assert description.endswith(".")


def test_the_catalog_is_a_table() -> None:
    """It holds data; other modules do the work."""
    assert len(Path(catalog.__file__).read_text(encoding="utf-8").splitlines()) < 400
