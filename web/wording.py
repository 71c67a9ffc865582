"""What states, events and fields are called on pages, and which color a state has.

The lists are closed where the contract's are; a name that is not in them is shown as it is.
"""

from web.languages import N_

_STATES: dict[str, tuple[str, str]] = {
    "pending": (N_("pending"), "calm"),
    "active": (N_("active"), "busy"),
    "waiting": (N_("waiting"), "calm"),
    "held": (N_("held"), "warn"),
    "finished": (N_("finished"), "good"),
    "stopped": (N_("stopped"), "bad"),
    "queued": (N_("queued"), "calm"),
    "claimed": (N_("queued"), "calm"),
    "in_flight": (N_("in flight"), "busy"),
    "accepted": (N_("accepted"), "good"),
    "deferred": (N_("deferred"), "warn"),
    "skipped": (N_("skipped"), "mute"),
    "rejected": (N_("rejected"), "bad"),
    "bounced": (N_("bounced"), "bad"),
    "in_doubt": (N_("in doubt"), "warn"),
    "open": (N_("open"), "calm"),
    "done": (N_("done"), "good"),
    "completed": (N_("completed"), "good"),
    "exited": (N_("exited"), "mute"),
    "unsubscribed": (N_("unsubscribed"), "mute"),
    "deleted": (N_("deleted"), "mute"),
    "merged": (N_("merged"), "mute"),
    "date-missing": (N_("date missing"), "warn"),
    "left": (N_("left"), "mute"),
    "cancelled": (N_("cancelled"), "mute"),
    "suppressed": (N_("suppressed"), "bad"),
    "retired": (N_("retired"), "mute"),
    # What steps come to.
    "yes": (N_("yes"), "good"),
    "no": (N_("no"), "mute"),
    "again": (N_("again"), "calm"),
    "waited": (N_("waited"), "mute"),
    "happened": (N_("happened"), "good"),
    "timed out": (N_("timed out"), "mute"),
    "assigned": (N_("assigned"), "good"),
    "unassigned": (N_("unassigned"), "warn"),
    "released": (N_("released"), "calm"),
    "kept": (N_("kept"), "mute"),
    "enrolled": (N_("enrolled"), "good"),
    "left out": (N_("left out"), "warn"),
    "moved": (N_("moved"), "good"),
    "stayed": (N_("stayed"), "mute"),
    "scored": (N_("scored"), "good"),
    "set": (N_("set"), "calm"),
    "updated": (N_("updated"), "calm"),
    "tagged": (N_("tagged"), "calm"),
    "untagged": (N_("untagged"), "calm"),
    "task": (N_("task"), "calm"),
    "approved": (N_("approved"), "good"),
    "no answer": (N_("no answer"), "mute"),
    "failed": (N_("failed"), "bad"),
    "gathered": (N_("gathered"), "calm"),
    "told": (N_("told"), "good"),
    "opened": (N_("opened"), "good"),
    "won": (N_("won"), "good"),
    "lost": (N_("lost"), "bad"),
}

_EVENTS: dict[str, str] = {
    "email.sent": N_("A mail was sent"),
    "email.delivered": N_("A mail was delivered"),
    "email.opened": N_("Opened a mail"),
    "email.clicked": N_("Clicked a link"),
    "email.replied": N_("Replied to a mail"),
    "email.bounced": N_("A mail bounced"),
    "email.complained": N_("Reported a mail as spam"),
    "email.unsubscribed": N_("Unsubscribed"),
    "email.resubscribed": N_("Subscribed again"),
    "email.delayed": N_("A mail is delayed"),
    "email.auto_replied": N_("A machine replied to a mail"),
    "email.machine_clicked": N_("A machine followed a link"),
    "email.machine_opened": N_("A machine opened a mail"),
    "consent.asked": N_("Was asked for a consent"),
    "consent.given": N_("Gave a consent"),
    "consent.withdrawn": N_("Took a consent back"),
    "form.submitted": N_("Submitted a form"),
    "page.viewed": N_("Viewed a page"),
    "order.placed": N_("Placed an order"),
    "lead.created": N_("Became known"),
    "lead.changed": N_("The record changed"),
    "lead.assigned": N_("Got an owner"),
    "lead.contacted": N_("Was contacted"),
    "lead.stage_changed": N_("Changed stage"),
    "task.done": N_("A task was done"),
    "deal.created": N_("A deal was opened"),
    "deal.changed": N_("A deal changed"),
    "deal.activity": N_("Activity on a deal"),
    "deal.stage_changed": N_("A deal moved"),
    "deal.won": N_("A deal was won"),
    "deal.lost": N_("A deal was lost"),
}

_FIELDS: dict[str, str] = {
    "email": N_("Address"),
    "phone": N_("Phone"),
    "first_name": N_("First name"),
    "last_name": N_("Last name"),
    "full_name": N_("Full name"),
    "company": N_("Company"),
    "title": N_("Job title"),
    "country": N_("Country"),
    "city": N_("City"),
    "language": N_("Language"),
    "timezone": N_("Time zone"),
    "source": N_("Came from"),
    "birthday": N_("Birthday"),
    "consent": N_("Consent to marketing"),
    "open_consent": N_("Consent to seeing openings"),
    "stage": N_("Stage"),
    "score": N_("Score"),
    "grade": N_("Grade"),
    "owner": N_("Owner"),
    "tags": N_("Tags"),
    "created_at": N_("Known since"),
    "stage_entered_at": N_("In this stage since"),
    "last_seen_at": N_("Last seen"),
    "last_activity_at": N_("Last active"),
    "last_contacted_at": N_("Last contacted"),
    "last_sent_at": N_("Last mail sent"),
    "last_opened_at": N_("Last mail opened"),
    "last_clicked_at": N_("Last link clicked"),
    "orders": N_("Orders"),
    "revenue": N_("Revenue"),
}

_DEAL_FIELDS: dict[str, str] = {
    "name": N_("Name"),
    "amount": N_("Amount"),
    "currency": N_("Currency"),
    "pipeline": N_("Pipeline"),
    "lead": N_("Contact"),
    "created_at": N_("Opened"),
    "last_activity_at": N_("Last activity"),
    "expected_close_at": N_("Expected to close"),
    "quote_sent_at": N_("Quote sent"),
    "decision_maker": N_("Decision maker"),
    "lost_reason": N_("Why it was lost"),
}

_COMPANY_FIELDS: dict[str, str] = {"name": N_("Name"), "domain": N_("Domain")}

_TASKS: dict[str, str] = {
    "task": N_("Task"),
    "notice": N_("Notice"),
    "stopped": N_("Stopped step"),
    "approval": N_("Approval"),
    "escalation": N_("Escalation"),
}


LIKENESS = (
    N_("addresses that reach one mailbox"), N_("the same name before the @"),
    N_("the same phone number"), N_("other numbers"), N_("the same name"),
    N_("nearly the same name"), N_("other names"), N_("the same company"), N_("other companies"),
    N_("the same name but for its form or place"), N_("the same domain but for its ending"),
    N_("other domains"), N_("the same city"), N_("the same title"), N_("the same birthday"),
    N_("other birthdays"),
)  # fmt: skip
"""What two leads have in common, as `engine.runtime.likeness` says it; a comma and what follows
it, such as the number, stay as they are."""


VERBS = {
    "done": N_("Done"), "acknowledge": N_("I am on it"), "snooze": N_("Put off"),
    "approve": N_("Approve"), "reject": N_("Reject"), "retry": N_("Try again"),
    "skip": N_("Skip the step"),
}  # fmt: skip
"""What buttons at an entry of the inbox are called."""

DIDS = {
    "done": N_("did it"), "acknowledged": N_("sees to it"), "acknowledge": N_("see to it"),
    "snoozed": N_("put it off"), "snooze": N_("put it off"), "approved": N_("said yes"),
    "approve": N_("said yes"), "rejected": N_("said no"), "reject": N_("said no"),
    "reassigned": N_("gave it away"), "retried": N_("tried it again"), "skipped": N_("skipped it"),
    "paused": N_("stopped its clock"), "resumed": N_("let its clock go on"),
}  # fmt: skip
"""What somebody did, behind a name."""

LATER = {
    "hours": N_("in three hours"), "tomorrow": N_("tomorrow, 9:00"), "monday": N_("Monday, 9:00"),
    "week": N_("in a week"),
}  # fmt: skip

WAYS = {
    "cli": N_("command line"), "api": "API", "page": N_("page"), "message": N_("from a message"),
}  # fmt: skip

GROUPS = {
    "source": N_("Where from"), "month": N_("Month"), "owner": N_("Owner"), "team": N_("Team"),
}  # fmt: skip
"""What numbers are told apart by, besides fields."""

USUAL_STAGES = {
    text: text
    for text in (
        N_("Somebody who has been seen, and whose address is not known."),
        N_("Somebody whose address is known, and nothing more is known for sure."),
        N_("Marketing qualified: fits the market and shows interest, so that sales should look."),
        N_("Sales qualified: sales has spoken to them, and there is a need, and somebody decides."),
        N_("There is an open deal with them, with an amount and a date."),
        N_("They have bought."),
        N_("A customer who buys again, or brings others."),
    )
}
"""What stages usually mean, as `engine.playbook.lifecycle` says it."""

PRIORITIES = {"low": N_("not urgent"), "high": N_("urgent")}


def state_label(state: str) -> str:
    """The text to translate for a state."""
    return _STATES.get(state, (state, ""))[0]


def state_tone(state: str) -> str:
    """The color class of a state; an outcome that a playbook names itself is a good one."""
    return _STATES.get(state, ("", "good"))[1]


def event_label(name: str) -> str:
    """The text to translate for a built-in event; empty for others."""
    return _EVENTS.get(name, "")


def field_label(name: str, record: str = "lead") -> str:
    """The text to translate for a built-in field; of others the name, with spaces."""
    own = {"deal": _DEAL_FIELDS, "company": _COMPANY_FIELDS}.get(record, {})
    found = own.get(name)
    return found or _FIELDS.get(name, name.replace("_", " "))


def task_label(kind: str) -> str:
    """The text to translate for a kind of task."""
    return _TASKS.get(kind, kind)
