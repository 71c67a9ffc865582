"""The built-in names of the language: every field and event, typed and described.

The reference pages and the JSON Schema are generated from these tables. It refuses to know what a
workspace adds: that is given to `vocabulary`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.playbook.conditions.vocabulary import (
    BOOLEAN,
    DATE,
    DATETIME,
    INTEGER,
    LIST,
    NUMBER,
    OPEN_RECORD,
    TEXT,
    UNKNOWN,
    ValueType,
    Vocabulary,
    enum_of,
    record_of,
    value_type,
)

DEFAULT_LIFECYCLE = ("visitor", "lead", "mql", "sql", "opportunity", "customer", "advocate")
"""A lead's stages, in order, where a workspace names none."""


@dataclass(frozen=True)
class Field:
    """A built-in field of a record, or a property of an event."""

    name: str
    type: ValueType
    description: str


@dataclass(frozen=True)
class Event:
    """A built-in event and its properties; an open one carries further properties of its own."""

    name: str
    description: str
    properties: tuple[Field, ...] = ()
    is_open: bool = False

    @property
    def type(self) -> ValueType:
        """The type of the event's properties."""
        if self.is_open:
            return OPEN_RECORD
        return record_of({each.name: each.type for each in self.properties})


CONSENT = enum_of("asked", "given", "confirmed", "withdrawn")
"""How a consent stands: asked for, given, given and confirmed from the mailbox, or taken back."""

LEAD_FIELDS = (
    Field("id", TEXT, "The lead's identity; it never changes."),
    Field("email", TEXT, "The address mail goes to; a lead may have none."),
    Field("phone", TEXT, "The phone number, as it was given."),
    Field("first_name", TEXT, "The given name."),
    Field("last_name", TEXT, "The family name."),
    Field("full_name", TEXT, "Both names, in the order of the lead's language."),
    Field("company", TEXT, "The company the lead works for."),
    Field("title", TEXT, "The job title."),
    Field("country", TEXT, "The country, as a two-letter code such as CN."),
    Field("city", TEXT, "The city."),
    Field("language", TEXT, "The language mail is written in, such as zh-CN."),
    Field("timezone", TEXT, "The time zone, such as Asia/Shanghai."),
    Field("source", TEXT, "Where the lead came from first."),
    Field("birthday", DATE, "The birthday."),
    Field("consent", CONSENT, "What the lead last said about marketing mail, by the ledger."),
    Field("open_consent", CONSENT, "What the lead last said about our seeing it open a mail."),
    Field("stage", TEXT, "The place in the lifecycle."),
    Field("score", INTEGER, "The total of the score named 'score', held within its range."),
    Field("grade", TEXT, "The grade that belongs to the score."),
    Field("scores", OPEN_RECORD, "Every score by name: its total, fit and behavior points."),
    Field("owner", TEXT, "The name of the owner the lead is assigned to."),
    Field("tags", LIST, "The tags the lead carries."),
    Field("created_at", DATETIME, "When the lead was first known."),
    Field("stage_entered_at", DATETIME, "When the lead entered the stage it is in."),
    Field("last_seen_at", DATETIME, "When the lead was last seen on a page."),
    Field("last_activity_at", DATETIME, "When the lead last did anything."),
    Field("last_contacted_at", DATETIME, "When a person last contacted the lead."),
    Field("last_sent_at", DATETIME, "When the last mail to the lead was accepted."),
    Field("last_opened_at", DATETIME, "When the lead last opened a mail."),
    Field("last_clicked_at", DATETIME, "When the lead last clicked in a mail."),
    Field("orders", INTEGER, "How many orders the lead has placed."),
    Field("revenue", NUMBER, "The sum of the lead's orders, in the workspace's currency."),
)

DEAL_FIELDS = (
    Field("id", TEXT, "The deal's identity; it never changes."),
    Field("name", TEXT, "What the deal is called."),
    Field("amount", NUMBER, "What the deal is worth."),
    Field("currency", TEXT, "The currency of the amount."),
    Field("pipeline", TEXT, "The pipeline the deal goes through."),
    Field("stage", TEXT, "The stage of that pipeline the deal is in."),
    Field("owner", TEXT, "The name of the owner the deal is assigned to."),
    Field("lead", TEXT, "The id of the deal's primary contact."),
    Field("tags", LIST, "The tags the deal carries."),
    Field("created_at", DATETIME, "When the deal was opened."),
    Field("stage_entered_at", DATETIME, "When the deal entered the stage it is in."),
    Field("last_activity_at", DATETIME, "When anything last happened on the deal."),
    Field("expected_close_at", DATETIME, "When the deal is expected to close."),
    Field("quote_sent_at", DATETIME, "When a quote was sent."),
    Field("decision_maker", TEXT, "Who decides on the other side."),
    Field("lost_reason", TEXT, "Why the deal was lost."),
)

COMPANY_FIELDS = (
    Field("id", TEXT, "The company's identity; it never changes."),
    Field("name", TEXT, "What the company is called."),
    Field("domain", TEXT, "The domain of its addresses, such as acme.example."),
    Field("owner", TEXT, "The name of the owner whose account it is."),
    Field("created_at", DATETIME, "When the company was first known."),
)
"""Of records alone: conditions and templates know no company."""

OWNER_FIELDS = (
    Field("id", TEXT, "The owner's name in the workspace, such as li.wei."),
    Field("name", TEXT, "The owner's name as people write it."),
    Field("email", TEXT, "The owner's address."),
    Field("manager", TEXT, "The name of the owner's manager."),
)

_MAIL = (
    Field("step", TEXT, "The id of the step that sent the mail."),
    Field("template", TEXT, "The template the mail was written from."),
)
_LINK = (
    Field("url", TEXT, "The address the link leads to."),
    Field("link", TEXT, "The link's name in the template."),
)
_BOUNCE = (
    Field("kind", TEXT, "hard: no such address; soft: not delivered; former: not the address now."),
    Field("reply", TEXT, "What the other mail server said."),
)
_STAGES = (
    Field("stage", TEXT, "The stage entered."),
    Field("previous", TEXT, "The stage left."),
)
_CONSENT = (
    Field("purpose", enum_of("marketing", "open_tracking"), "What the consent is to."),
    Field("topic", TEXT, "The topic alone that it is about; missing: every one."),
    Field("confirmed", BOOLEAN, "Whether it came from the lead's own mailbox."),
    Field("source", TEXT, "Where it was said, such as the name of a form."),
    Field("text_version", TEXT, "Which version of the text was shown."),
)


def _mail(verb: str, description: str, *more: Field) -> Event:
    return Event(f"email.{verb}", description, (*_MAIL, *_LINK, *more))


EVENTS = (
    _mail("sent", "A mail was accepted by the mail server."),
    _mail("delivered", "The provider reports that a mail arrived."),
    _mail("opened", "A person opened a mail."),
    _mail("clicked", "A person clicked a link in a mail."),
    _mail("replied", "The lead answered a mail."),
    _mail("bounced", "A mail came back.", *_BOUNCE),
    _mail("complained", "The lead reported a mail as spam."),
    _mail("unsubscribed", "The lead unsubscribed."),
    Event(
        "form.submitted",
        "The lead sent a form; the form's own fields are properties too.",
        (Field("form", TEXT, "The form's name."),),
        is_open=True,
    ),
    Event(
        "page.viewed",
        "The lead looked at a page.",
        (
            Field("url", TEXT, "The page's whole address."),
            Field("path", TEXT, "The page's path, such as /pricing."),
            Field("seconds", NUMBER, "How long the page was looked at."),
        ),
    ),
    Event(
        "order.placed",
        "The lead placed an order.",
        (
            Field("id", TEXT, "The order's number."),
            Field("amount", NUMBER, "What was ordered for."),
            Field("currency", TEXT, "The currency of the amount."),
        ),
    ),
    Event("consent.asked", "The lead was asked for a consent.", _CONSENT),
    Event("consent.given", "The lead gave a consent, or confirmed one.", _CONSENT),
    Event("consent.withdrawn", "The lead took a consent back.", _CONSENT),
    Event("lead.created", "The lead became known.", is_open=True),
    Event("lead.changed", "Fields of the lead changed.", is_open=True),
    Event("lead.assigned", "The lead was given an owner.", is_open=True),
    Event("lead.contacted", "A person contacted the lead.", is_open=True),
    Event("lead.stage_changed", "The lead moved in the lifecycle.", _STAGES, is_open=True),
    Event("deal.created", "A deal was opened.", is_open=True),
    Event("deal.changed", "Fields of the deal changed.", is_open=True),
    Event("deal.activity", "Something happened on the deal.", is_open=True),
    Event("deal.stage_changed", "The deal moved in its pipeline.", _STAGES, is_open=True),
    Event("deal.won", "The deal was won.", is_open=True),
    Event("deal.lost", "The deal was lost.", is_open=True),
    Event("task.done", "A task was marked as done.", is_open=True),
)

EVENT_NAMES = frozenset(event.name for event in EVENTS)
EMAIL_EVENTS = tuple(event.name for event in EVENTS if event.name.startswith("email."))

Declared = ValueType | str | Mapping[str, object]

_SCORE = record_of({"total": NUMBER, "fit": NUMBER, "behavior": NUMBER})


def vocabulary(
    *,
    lead_fields: Mapping[str, Declared] | None = None,
    deal_fields: Mapping[str, Declared] | None = None,
    events: Mapping[str, Mapping[str, Declared]] | None = None,
    segments: Sequence[str] = (),
    scores: Sequence[str] = (),
    record: Literal["lead", "deal"] = "lead",
    event: str | None = None,
    has_deal: bool = False,
    has_event: bool = True,
    lifecycle: Sequence[str] = (),
    deal_stages: Sequence[str] = (),
    pipelines: Sequence[str] = (),
    owners: Sequence[str] = (),
) -> Vocabulary:
    """The names a condition may use, in one place of one playbook.

    Args:
        lead_fields: the workspace's own fields of leads, by name.
        deal_fields: the same of deals.
        events: the workspace's own events, each with its properties.
        segments: the names of the workspace's segments.
        scores: the names of the scores that its scoring playbooks keep.
        record: what the playbook is for.
        event: the event being looked at; None when it may be any, whose properties are unknown.
        has_deal: a deal is known although the playbook is for leads (after a `deal:` step).
        has_event: false where no event is looked at (fit rules, segments).
        lifecycle: the only values of `lead.stage`; none given: any text.
        deal_stages: the same for `deal.stage`.
        pipelines: the same for `deal.pipeline`.
        owners: the same for `lead.owner` and `deal.owner`.
    """
    known_events = event_types(events)
    lead = _record(LEAD_FIELDS, lead_fields, {"stage": lifecycle, "owner": owners})
    lead["scores"] = record_of(dict.fromkeys(scores, _SCORE))
    deal = _record(
        DEAL_FIELDS,
        deal_fields,
        {"stage": deal_stages, "pipeline": pipelines, "owner": owners},
    )
    roots = {
        "lead": record_of(lead),
        "owner": record_of({each.name: each.type for each in OWNER_FIELDS}),
        "now": DATETIME,
        "run": record_of(
            {"event": OPEN_RECORD, "key": UNKNOWN, "entered_at": DATETIME, "saved": OPEN_RECORD}
        ),
        "segment": record_of(dict.fromkeys(segments, BOOLEAN)),
    }
    absent = {}
    if record == "deal" or has_deal:
        roots["deal"] = record_of(deal)
    else:
        absent["deal"] = "a deal is known in a playbook with 'for: deal', or after a 'deal:' step"
    if has_event:
        roots["event"] = known_events.get(event, OPEN_RECORD) if event else OPEN_RECORD
    else:
        absent["event"] = "no event is looked at here"
    return Vocabulary(roots=roots, events=known_events, absent=absent)


def event_types(own: Mapping[str, Mapping[str, Declared]] | None = None) -> dict[str, ValueType]:
    """Every event that exists, built in or declared by the workspace, with its properties."""
    found = {event.name: event.type for event in EVENTS}
    for name, properties in (own or {}).items():
        found[name] = record_of({key: value_type(kind) for key, kind in properties.items()})
    return found


def _record(
    built_in: Sequence[Field],
    own: Mapping[str, Declared] | None,
    limited: Mapping[str, Sequence[str]],
) -> dict[str, ValueType]:
    fields = {each.name: each.type for each in built_in}
    fields |= {name: value_type(kind) for name, kind in (own or {}).items()}
    for name, values in limited.items():
        if values:
            fields[name] = enum_of(*values)
    return fields
