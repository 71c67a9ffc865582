"""What states, events and ops are called on pages, and which color a state has.

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
    "email.machine_clicked": N_("A machine followed a link"),
    "email.machine_opened": N_("A machine opened a mail"),
    "form.submitted": N_("Submitted a form"),
    "page.viewed": N_("Viewed a page"),
    "order.placed": N_("Placed an order"),
    "lead.created": N_("Became known"),
    "lead.changed": N_("The record changed"),
    "lead.assigned": N_("Got an owner"),
    "lead.contacted": N_("Was contacted"),
    "lead.stage_changed": N_("Changed stage"),
    "task.done": N_("A task was done"),
}

_OPS: dict[str, str] = {
    "do": N_("action"),
    "send": N_("message"),
    "email": N_("mail"),
    "notify": N_("notice"),
    "set": N_("set"),
    "update": N_("update"),
    "tag": N_("tag"),
    "untag": N_("untag"),
    "stage": N_("stage"),
    "score": N_("score"),
    "assign": N_("assign"),
    "task": N_("task"),
    "enroll": N_("enroll"),
    "leave": N_("leave"),
    "jump": N_("jump"),
    "wait": N_("wait"),
    "await": N_("wait for an event"),
    "branch": N_("condition"),
    "repeat": N_("loop"),
    "end": N_("end"),
    "exit": N_("exit"),
}

_TASKS: dict[str, str] = {
    "task": N_("Task"),
    "notice": N_("Notice"),
    "stopped": N_("Stopped step"),
    "approval": N_("Approval"),
    "escalation": N_("Escalation"),
}


def state_label(state: str) -> str:
    """The text to translate for a state."""
    return _STATES.get(state, (state, ""))[0]


def state_tone(state: str) -> str:
    """The color class of a state; an outcome that a playbook names itself is a good one."""
    return _STATES.get(state, ("", "good"))[1]


def event_label(name: str) -> str:
    """The text to translate for a built-in event; empty for others."""
    return _EVENTS.get(name, "")


def op_label(name: str) -> str:
    """The text to translate for an op; empty when there is none."""
    return _OPS.get(name, "")


def task_label(kind: str) -> str:
    """The text to translate for a kind of task."""
    return _TASKS.get(kind, kind)
