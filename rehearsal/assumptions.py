"""What a forecast assumes about people: how many open, click, answer, buy, and how soon.

Everything has a default that is no more than a guess; whoever forecasts writes down better ones.
"""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from engine.errors import InputError
from engine.playbook.catalog import EVENT_NAMES
from engine.playbook.fields import Flag, Frozen, Integer, Length, Name, Tree
from engine.playbook.plan import Plan, Send
from engine.playbook.scenarios import Civil
from engine.playbook.spelling import did_you_mean
from engine.playbook.written import flaw, text

MOST_DAYS = 730

ANY = "any"
"""Under `mails`: what holds of mails that are not named."""

_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%|(0(?:\.\d+)?|1(?:\.0+)?)")


def _share(value: object) -> float:
    """`12%` or `0.12`."""
    found = _SHARE.fullmatch(text(value).strip())
    share = float(found[1]) / 100 if found and found[1] else float(found[2]) if found else 2.0
    if share > 1:
        raise flaw("bad-number", f"'{text(value)}' is no share", "write it like `12%` or `0.12`")
    return share


Share: TypeAlias = Annotated[
    float,
    BeforeValidator(_share),
    WithJsonSchema({"type": ["string", "number"], "examples": ["12%", 0.12]}),
]


class MailAssumption(Frozen):
    """What becomes of a mail: shares of those that were accepted."""

    open: Share = Field(0.0, description="opened by a person")
    click: Share = Field(0.0, description="a link in it is clicked")
    reply: Share = Field(0.0, description="answered")
    unsubscribe: Share = Field(0.0, description="unsubscribed from all")
    complain: Share = Field(0.0, description="reported as spam")
    bounce: Share = Field(0.0, description="the address does not exist; of those sent")
    convert: Share = Field(0.0, description="followed by the conversion")


class Delays(Frozen):
    """How soon: half of them within this time, and fewer and fewer later."""

    open: Length = Field("3 hours", description="until a mail is opened")
    click: Length = Field("4 hours", description="until a link is clicked")
    reply: Length = Field("1 day", description="until an answer comes")
    unsubscribe: Length = Field("6 hours", description="until somebody unsubscribes or complains")
    convert: Length = Field("3 days", description="until the conversion")
    task: Length = Field("1 day", description="until an owner has done a task")


class Occurs(Frozen):
    """An event, and what it carries."""

    event: Name = Field(description="the event, built in or declared")
    properties: dict[str, Tree] = Field(default_factory=dict, description="what it carries")
    lead: dict[str, Tree] = Field(
        default_factory=dict, description="fields of the lead that it brings along"
    )


class Happens(Occurs):
    """An event that comes by itself to a share of the leads."""

    share: Share = Field(description="of how many leads")
    after: Length = Field("", description="not before so long after the lead has come")
    within: Length = Field("30 days", description="at some time within so long after that")


class Assumptions(Frozen):
    """A forecast's assumptions."""

    seed: Integer = Field(1, description="another number is another throw of the same dice")
    days: Integer = Field(90, description="how far to look")
    at: Civil = Field("", description="when it begins, in the workspace's zone; left out: `--at`")
    arrive: Length = Field("", description="the leads come within this time; left out: at once")
    start: Occurs | None = Field(
        None, description="the event that each lead comes with; left out: enrolled by hand"
    )
    triggers: Flag = Field(
        False, description="nobody is enrolled by hand: only triggers, cron too, take leads in"
    )
    mails: dict[str, MailAssumption] = Field(
        default_factory=lambda: {ANY: MailAssumption(open=0.3, click=0.05, reply=0.01)},
        description="by step id, template or `any`",
    )
    delays: Delays = Field(default_factory=Delays, description="how soon people act")
    conversion: Occurs = Field(
        default_factory=lambda: Occurs(event="order.placed"), description="what `convert` means"
    )
    tasks_done: Share = Field(0.8, description="tasks that their owner does")
    events: tuple[Happens, ...] = Field((), strict=False, description="what happens besides")

    def of_mail(self, step: str, template: str) -> MailAssumption:
        """What holds of a mail."""
        known: Mapping[str, MailAssumption] = self.mails
        found = known.get(step) or known.get(template) or known.get(ANY)
        return found or MailAssumption()


def check_assumptions(given: Assumptions, plan: Plan, events: Collection[str]) -> None:
    """Refuses names that nothing answers to: they would silently assume nothing.

    Raises:
        InputError: a mail or an event is not known.
    """
    mails = {ANY}
    for op in plan.ops:
        if isinstance(op, Send) and op.action == "email":
            mails |= {op.step, str(op.params.get("template"))}
    for name in given.mails:
        if name not in mails:
            message = f"no mail of '{plan.playbook}' is '{name}'"
            raise InputError(message, help=did_you_mean(name, mails))
    known = {*EVENT_NAMES, *events}
    for one in filter(None, (given.start, given.conversion, *given.events)):
        if one.event not in known:
            raise InputError(f"no event named '{one.event}'", help=did_you_mean(one.event, known))
    if not 1 <= given.days <= MOST_DAYS:
        raise InputError(f"a forecast looks 1 to {MOST_DAYS} days ahead, not {given.days}")


def assumptions_schema() -> Mapping[str, Any]:
    """JSON Schema of an assumptions file."""
    from engine.playbook.jsonschema import schema_of

    return schema_of(Assumptions, "Longplay assumptions")
