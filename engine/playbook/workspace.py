"""`longplay.yaml`: the workspace that playbooks name things of. Frozen models, working defaults.

It owns the form of every section and what each name must refer to inside the file. Secrets stay
`${NAME}`: they are listed, never read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from engine.playbook.coming_back import Complaints, ReturnPath
from engine.playbook.consents import ASSUMED, ConsentRules
from engine.playbook.diagnostics import Diagnostic, Findings
from engine.playbook.fields import (
    Address,
    Country,
    Currency,
    Day,
    Expression,
    FieldName,
    Frozen,
    Integer,
    Language,
    Name,
    Names,
    Number,
    QuietHours,
    Text,
    Timezone,
    at_least,
)
from engine.playbook.jurisdictions import subject_prefixes
from engine.playbook.lifecycle import DEFAULT_STAGES, LifecycleStage, with_options
from engine.playbook.mail_accounts import DkimKey, MailAccount
from engine.playbook.nodes import Node
from engine.playbook.reading import Reader
from engine.playbook.retention import Retention
from engine.playbook.source import Document, parse
from engine.playbook.vocabularies import FieldKind
from engine.playbook.workspace_values import (
    Destination,
    Members,
    Periods,
    Rate,
    Rates,
    RateText,
    week,
)
from engine.playbook.written import flaw, names

FILE = "longplay.yaml"


class WarmUp(Frozen):
    """How a new sender's daily volume grows."""

    from_: Day = Field(alias="from", description="the first day")
    start: Annotated[Integer, at_least(1)] = Field(200, description="mails on the first day")
    grow: Annotated[Number, at_least(1)] = Field(1.5, description="each day so many times more")


class Sender(Frozen):
    """Who mail comes from."""

    from_: Address = Field("", alias="from", description='`"Acme <hello@acme.example>"`')
    reply_to: Address = Field("", description="where answers go; left out: `from`")
    postal_address: Text = Field("", description="in every marketing footer")
    rate: RateText | None = Field(None, description="mails at most; left out: no limit")
    warm_up: WarmUp | None = Field(None, description="how the daily volume grows")
    destinations: dict[Destination, RateText] = Field(
        default_factory=dict,
        description="mails at most to a mailbox provider, by one of its domains, or to a domain; "
        "`*` holds for each other one by itself",
        examples=[{"qq.com": "20 per minute", "*": "200 per minute"}],
    )
    bounces: ReturnPath = Field(
        "",
        description="where mail comes back to; each message adds what names it. Left out: `from`",
    )
    soft_bounces: RateText = Field(
        Rate(count=3, per="30 days"),
        description="so many mails that could not be delivered, and the address gets none any more",
    )
    complaints: Complaints = Field(
        default_factory=Complaints, description="when reports as spam pause a playbook"
    )
    accounts: dict[Name, MailAccount] = Field(
        default_factory=dict,
        description="servers that mail leaves by, besides `default`, which LONGPLAY_SMTP_URL names",
    )
    dkim: Annotated[tuple[DkimKey, ...], Field(strict=False)] = Field(
        (), description="keys that Longplay signs mail with; left out: the mail server signs it"
    )


class CountryLaw(Frozen):
    """What a country asks of marketing mail."""

    subject_prefix: Text = Field(
        "", description="what the subject begins with; left out: what the law of the country wants"
    )


class Fields(Frozen):
    """The workspace's own fields."""

    lead: dict[FieldName, FieldKind] = Field(default_factory=dict, description="of leads")
    deal: dict[FieldName, FieldKind] = Field(default_factory=dict, description="of deals")
    company: dict[FieldName, FieldKind] = Field(default_factory=dict, description="of companies")


class PipelineStage(Frozen):
    """A stage of a pipeline."""

    name: Name = Field(description="its name")
    probability: Annotated[Number, at_least(0, 100)] = Field(
        0, description="of winning, in percent"
    )
    enter_if: Expression = Field("", description="a deal enters only if this holds")
    leave_if: Expression = Field("", description="a deal leaves forward only if this holds")
    closes: Literal["", "won", "lost"] = Field("", description="the deal is over here")
    requires: Names = Field((), description="fields that must be filled to enter")

    @classmethod
    def arrange(cls, node: Node, reader: Reader) -> Node:
        """`- demo: {probability: 30}` or `- demo`."""
        return with_options(node, reader)


class Pipeline(Frozen):
    """The stages a deal goes through, in order."""

    stages: tuple[PipelineStage, ...] = Field(strict=False, min_length=1, description="in order")

    def stage(self, name: str) -> PipelineStage | None:
        """The stage of that name."""
        return next((stage for stage in self.stages if stage.name == name), None)


class Calendar(Frozen):
    """Opening hours: what a business day and a business hour are."""

    country: Country = Field(
        "", description="its public holidays are closed, its make-up days open"
    )
    hours: Annotated[
        dict[str, str],
        BeforeValidator(week),
        WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
    ] = Field(default_factory=lambda: {"mon-fri": "09:00-18:00"}, description="by day of the week")
    timezone: Timezone = Field("", description="left out: the workspace's")
    closed: Periods = Field((), description="further days off")
    open: Periods = Field((), description="further days that are worked")


class Owner(Frozen):
    """A person who owns leads and deals."""

    name: Text = Field("", description="as people write it")
    email: Address = Field("", description="the address")
    manager: Name = Field("", description="the manager, by name in this list")
    teams: Names = Field((), description="the teams")
    calendar: Name = Field("", description="when this person works")
    capacity: Annotated[Integer, at_least(0)] = Field(
        0, description="open leads and deals at most; 0: no limit"
    )
    weight: Annotated[Number, at_least(0)] = Field(1, description="the share in a round robin")
    away: Periods = Field((), description="days off")
    quiet: QuietHours = Field(
        "",
        description="when nothing is told, in the zone of the calendar; it comes afterwards. "
        "`off-hours`: outside the hours of the calendar",
    )
    wecom: Text = Field("", description="the name in WeCom")
    slack: Text = Field("", description="the name in Slack")
    teams_id: Text = Field("", description="the name in Teams")
    dingtalk: Text = Field("", description="the name in DingTalk")
    feishu: Text = Field("", description="the name in Feishu")
    phone: Text = Field("", description="the number")


class Team(Frozen):
    """The people."""

    owners: dict[Name, Owner] = Field(default_factory=dict, description="by name")


Skip = Literal["away", "off-hours", "full"]


class AssignmentRule(Frozen):
    """One line of an assignment: for whom, among whom, and how."""

    cond: Expression = Field("", alias="if", description="for records of which this holds")
    among: Members = Field(description="`team:NAME`, owners' names, or a list")
    by: Literal["round-robin", "least-loaded", "weighted", "first"] = Field(
        "round-robin", description="how one is picked"
    )
    skip: Annotated[
        tuple[Skip, ...],
        BeforeValidator(names),
        WithJsonSchema({"type": "array", "items": {"enum": ["away", "off-hours", "full"]}}),
    ] = Field(("away",), description="who is passed over")
    fallback: Name = Field("", description="the owner when nobody fits, even if away")


class Pool(Frozen):
    """Leads without an owner, which people claim."""

    members: Members = Field(description="who may claim: `team:NAME` or owners")
    claims: RateText | None = Field(None, description="how many one may claim")
    holds: Annotated[Integer, at_least(0)] = Field(
        0, description="how many one may hold; 0: no limit"
    )


Medium = Literal["slack", "teams", "wecom", "dingtalk", "feishu", "webhook"]
MEDIA: tuple[Medium, ...] = get_args(Medium)
"""The kinds of channel that are called over HTTP."""


class Channel(Frozen):
    """A place outside that messages go to."""

    type: Literal["slack", "teams", "wecom", "dingtalk", "feishu", "webhook", "email"] = Field(
        description="what it is"
    )
    url: Text = Field("", description="its address, as a rule `${NAME}`")
    to: Address = Field("", description="of type email: the address")
    secret: Text = Field("", description="what it is signed with, as `${NAME}`")


class Source(Frozen):
    """Where leads come from, and what that costs."""

    cost: RateText | None = Field(None, description="`5000 per month`")


class Workspace(Frozen):
    """A workspace: everything playbooks can name."""

    workspace: Name = Field("longplay", description="its name")
    timezone: Timezone = Field("UTC", description="its time zone")
    language: Language = Field("en", description="its language")
    currency: Currency = Field("USD", description="its currency, by its code of three letters")
    calendar: Name = Field("", description="the calendar of business units")
    sender: Sender = Field(default_factory=Sender, description="who mail comes from")
    law: dict[Country, CountryLaw] = Field(
        default_factory=dict,
        description="countries that leads are written to in, by code: validate holds the workspace "
        "to their law",
    )
    consent: ConsentRules = Field(
        ASSUMED, description="when marketing waits for a consent, and what is shown to get it"
    )
    fields: Fields = Field(default_factory=Fields, description="fields of one's own")
    lifecycle_stages: tuple[LifecycleStage, ...] = Field(
        DEFAULT_STAGES,
        alias="lifecycle",
        strict=False,
        min_length=2,
        description="a lead's stages, in order",
    )
    pipelines: dict[Name, Pipeline] = Field(default_factory=dict, description="of deals")
    topics: tuple[Name, ...] = Field(
        (), strict=False, description="what a lead can unsubscribe from, one by one"
    )
    caps: dict[Literal["marketing"], Rates] = Field(
        default_factory=dict, description="accepted mails per lead, over all playbooks"
    )
    calendars: dict[Name, Calendar] = Field(default_factory=dict, description="opening hours")
    team: Team = Field(default_factory=Team, description="the people")
    assignment: dict[
        Name, Annotated[tuple[AssignmentRule, ...], Field(strict=False, min_length=1)]
    ] = Field(default_factory=dict, description="rules: the first whose `if` holds")
    pools: dict[Name, Pool] = Field(default_factory=dict, description="leads without an owner")
    channels: dict[Name, Channel] = Field(default_factory=dict, description="places outside")
    segments: dict[FieldName, Expression] = Field(
        default_factory=dict, description="named conditions"
    )
    sources: dict[Name, Source] = Field(default_factory=dict, description="where leads come from")
    events: dict[Name, dict[FieldName, FieldKind]] = Field(
        default_factory=dict, description="events of one's own and their properties"
    )
    retention: Retention = Field(
        default_factory=Retention, description="how long what is over is kept"
    )

    @property
    def lifecycle(self) -> tuple[str, ...]:
        """The names of a lead's stages, in order."""
        return tuple(stage.name for stage in self.lifecycle_stages)

    @property
    def owners(self) -> Mapping[str, Owner]:
        """The people by name."""
        return self.team.owners

    @property
    def teams(self) -> frozenset[str]:
        """The teams that somebody is in."""
        return frozenset(team for owner in self.owners.values() for team in owner.teams)

    def members(self, among: tuple[str, ...]) -> tuple[str, ...]:
        """The owners that `team:NAME` and names stand for, in the order of the file."""
        return tuple(
            name
            for name, owner in self.owners.items()
            if name in among or any(f"team:{team}" in among for team in owner.teams)
        )

    def pipeline_of(self, stage: str) -> tuple[str, ...]:
        """The pipelines that have a stage of that name."""
        return tuple(name for name, each in self.pipelines.items() if each.stage(stage))

    @property
    def subject_prefixes(self) -> Mapping[str, str]:
        """Country → what the subject of marketing begins with there."""
        own = {code: law.subject_prefix for code, law in self.law.items() if law.subject_prefix}
        return {**subject_prefixes(), **own}

    @model_validator(mode="after")
    def _stages_differ(self) -> "Workspace":
        for key in ("lifecycle", "topics"):
            names = getattr(self, key)
            twice = next((one for at, one in enumerate(names) if one in names[:at]), "")
            if twice:
                raise flaw("duplicate-name", f"'{twice}' is written twice", "leave one out", at=key)
        if "all" in self.topics:
            message = "'all' is no topic: it means every one, in `unsubscribe: all`"
            raise flaw("duplicate-name", message, "give the topic another name", at="topics")
        return self


@dataclass(frozen=True, slots=True)
class Loaded:
    """What reading `longplay.yaml` gave: a workspace unless there are errors."""

    workspace: Workspace | None
    diagnostics: tuple[Diagnostic, ...] = ()
    document: Document | None = None


def load_workspace(content: bytes | str, file: str = FILE) -> Loaded:
    """The workspace that a file describes; an empty file has every default."""
    from engine.playbook.workspace_checks import check_workspace

    findings = Findings()
    if not content.strip():
        return Loaded(Workspace())
    document = parse(content, file, findings)
    if document is None:
        only_empty = {found.rule for found in findings} == {"empty-file"}
        return Loaded(Workspace()) if only_empty else Loaded(None, findings.sorted())
    reader = Reader(document, findings)
    workspace = reader.read(Workspace, document.root, "the workspace")
    if workspace is not None:
        check_workspace(workspace, reader)
    kept = None if findings.failed else workspace
    return Loaded(kept, findings.sorted(), document)
