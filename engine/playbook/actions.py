"""The actions a step can name: their parameters, an example, and how the verb maps to them.

What an action *does* is in `activities/<name>.py`, which takes its parameters from here; the
language itself performs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, JsonValue, model_validator

from engine.playbook.fields import (
    ByLanguage,
    Expression,
    Expressions,
    FieldName,
    Flag,
    Frozen,
    Gathering,
    Headers,
    Length,
    LengthOrMoment,
    Name,
    Names,
    Points,
    Sender,
    Template,
    Templates,
    Texts,
    Tree,
    Url,
)
from engine.playbook.model import OverCap, SendDefaults, SendWindow, Track
from engine.playbook.nodes import MapNode, ScalarNode
from engine.playbook.step import renamed, spread
from engine.playbook.written import flaw

Mode = Literal["inline", "job"]


class EmailParams(Frozen):
    """One mail to the lead."""

    template: Name = Field(description="the template, templates/email/NAME.html")
    subject: ByLanguage | None = Field(
        None, description="the subject, or one a language; left out: the template's"
    )
    from_: Sender = Field("", alias="from", description="the sender; left out: the workspace's")
    reply_to: Sender = Field("", description="where answers go; left out: the workspace's")
    topic: Name = Field("", description="what a lead can unsubscribe from; left out: `send:`'s")
    window: SendWindow | None = Field(None, description="when it may go; left out: `send:`'s")
    over_cap: OverCap = Field("defer", description="over the cap: later, or not at all")
    expires: LengthOrMoment = Field("", description="not sent by then, it is left out")
    as_: Literal["marketing", "transactional"] = Field(
        "marketing", alias="as", description="transactional mail skips topic, cap and window"
    )
    in_doubt: Literal["hold", "resend"] = Field(
        "hold",
        description="when nobody knows whether it went: hold it (marketing's default), or send it "
        "again (transactional's)",
    )
    data: Tree = Field(None, description="values for the template, a tree of templates")
    attach: Texts = Field((), description="files to attach")
    track: Track = Field(default_factory=Track, description="what is looked at: opens, clicks")
    via: Name = Field("", description="the mail account it leaves by; left out: `send:`'s")


class SetParams(Frozen):
    """Fields and the texts they are set to."""

    fields: Templates = Field(description="field → text; `{{ }}` allowed")


class UpdateParams(Frozen):
    """Fields and the expressions whose values they take."""

    fields: Expressions = Field(description="field → expression")


class TagParams(Frozen):
    """Tags put on or taken off."""

    tags: Texts = Field(description="one tag, or a list")


class StageParams(Frozen):
    """The stage the record moves to."""

    stage: Name = Field(description="the stage: of the lifecycle, or `PIPELINE.STAGE`")
    pipeline: Name | None = Field(None, description="the pipeline, when the stage is one of a deal")
    force: Flag = Field(False, description="backward too")


class ScoreParams(Frozen):
    """Behavior points, added or taken."""

    points: Points = Field(description="how many, with their sign")
    name: FieldName = Field("score", description="which score")


class AssignParams(Frozen):
    """Who becomes the owner."""

    rule: Name = Field("", description="an assignment rule of the workspace")
    to: Name = Field("", description="or an owner by name")
    unless_owned: Flag = Field(
        True, description="keep an owner there is; false by itself with exclude_current"
    )
    exclude_current: Flag = Field(False, description="anyone but the owner there is")
    exclude_former: Length = Field("", description="nobody who owned it within this time")
    keep_account_owner: Flag = Field(
        False, description="the owner of its open deal, then of its company, comes first"
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> "AssignParams":
        if bool(self.rule) == bool(self.to):
            hint = "write `assign: RULE`, or `assign: {to: OWNER}`"
            raise flaw("bad-assignment", "assign needs a rule or an owner", hint)
        return self


class ReleaseParams(Frozen):
    """A pool that the record goes to."""

    pool: Name = Field(description="a pool of the workspace")
    cooldown: Length = Field("", description="how long the former owner may not claim it")


class TaskParams(Frozen):
    """A task in somebody's inbox."""

    text: Template = Field(description="what is to be done")
    to: Name = Field("owner", description="`owner`, `manager`, or an owner's name")
    due: LengthOrMoment = Field("", description="a length or a time")
    priority: Literal["low", "normal", "high"] = Field("normal", description="how urgent it is")


class NotifyParams(Frozen):
    """A message to people of one's own."""

    who: Names = Field(
        description="owner, manager, an owner's name, a channel, or the first of a list"
    )
    message: Template = Field("", description="the text")
    template: Name = Field("", description="or a mail template")
    via: Name = Field(
        "", description="how a person is told: `email`, a channel, or a kind of one; else by mail"
    )
    every: Gathering = Field(
        "",
        description="gathers the messages of this time into one: a length, `morning`, or a time of "
        "day; left out: each at once",
    )

    @model_validator(mode="after")
    def _says_something(self) -> "NotifyParams":
        if self.message and self.template:
            message = "'message' and 'template' are two texts"
            raise flaw("two-texts", message, "keep one of them", at="template")
        return self


class WebhookParams(Frozen):
    """A call to an address of other people, or of one's own."""

    url: Url = Field(description="the address; `${NAME}` is read from the environment when used")
    method: Literal["POST", "GET", "PUT", "PATCH", "DELETE"] = Field(
        "POST", description="the HTTP method"
    )
    headers: Headers = Field(default_factory=dict, description="further headers")
    json_: Tree = Field(
        None, alias="json", description="the body, a tree of templates; left out: the lead"
    )
    save: FieldName = Field("", description="keeps the JSON it answers as run.saved.NAME")

    @model_validator(mode="after")
    def _has_room(self) -> "WebhookParams":
        if self.method == "GET" and self.json_ is not None:
            raise flaw("body-not-sent", "a GET has no body", "write `method: POST`", at="json")
        return self


class EnrollParams(Frozen):
    """Another playbook that starts for the same record."""

    playbook: Name = Field(description="the playbook")
    key: Expression = Field("", description="its key; left out: this enrollment's")


class LeaveParams(Frozen):
    """Another playbook that ends for the same record."""

    playbook: Name = Field(description="the playbook")
    key: Expression = Field("", description="its key; left out: this enrollment's")


class UnsubscribeParams(Frozen):
    """Marketing that stops."""

    topic: Name = Field(description="`all`, or a topic of the workspace")


class DealParams(Frozen):
    """A deal that is opened, field by field."""

    fields: Templates = Field(
        description="field of the deal → text; `{{ }}` allowed; left out: the name is the lead's "
        "company, the pipeline the only one, the stage its first, the owner the lead's"
    )


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action: its name in YAML, its parameters, and when it happens.

    `inline` effects commit with the step; a `job` is done outside, and the enrollment waits.
    `main` is the parameter the verb's argument is; with `mapping` the argument may be a mapping
    whose keys are parameters.
    """

    name: str
    params: type[Frozen]
    mode: Mode
    main: str
    summary: str
    example: str
    mapping: bool = False

    def flatten(self, node: MapNode) -> MapNode:
        """The item's nodes by the names of the parameters."""
        argument = node.values[self.name]
        if self.mapping and isinstance(argument, MapNode):
            return spread(node, self.name, argument)
        return renamed(node, self.name, self.main)

    def dumped(self, params: Frozen) -> dict[str, JsonValue]:
        """The parameters as an op carries them."""
        found: dict[str, Any] = params.model_dump(mode="json", by_alias=True)
        if isinstance(params, EmailParams) and not params.via:
            del found["via"]  # a plan that names no account keeps its digest
        return found["fields"] if self.main == "fields" else found


ACTIONS: Mapping[str, ActionSpec] = {
    spec.name: spec
    for spec in (
        ActionSpec(
            "email",
            EmailParams,
            "job",
            "template",
            "sends one message; ends when it is accepted or skipped",
            "- email: welcome\n  subject: Welcome, {{ lead.first_name | default('friend') }}\n",
        ),
        ActionSpec(
            "set",
            SetParams,
            "inline",
            "fields",
            "sets fields of the record to texts",
            "- set: {segment: cold}\n",
        ),
        ActionSpec(
            "update",
            UpdateParams,
            "inline",
            "fields",
            "sets fields of the record to the values of expressions",
            "- update: {employees: lead.employees + 1}\n",
        ),
        ActionSpec("tag", TagParams, "inline", "tags", "puts a tag on the record", "- tag: vip\n"),
        ActionSpec(
            "untag", TagParams, "inline", "tags", "takes a tag off the record", "- untag: cold\n"
        ),
        ActionSpec(
            "stage",
            StageParams,
            "inline",
            "stage",
            "moves the record to a stage",
            "- stage: mql\n",
        ),
        ActionSpec(
            "score",
            ScoreParams,
            "inline",
            "points",
            "adds behavior points, the reason kept",
            "- score: +10\n",
        ),
        ActionSpec(
            "assign",
            AssignParams,
            "inline",
            "rule",
            "sets the owner, by a rule or by name",
            "- assign: new-leads\n",
            mapping=True,
        ),
        ActionSpec(
            "release",
            ReleaseParams,
            "inline",
            "pool",
            "takes the owner away and puts the record in a pool",
            "- release: cn-pool\n  cooldown: 30 days\n",
        ),
        ActionSpec(
            "task",
            TaskParams,
            "inline",
            "text",
            "puts a task in the owner's inbox",
            "- task: Call {{ lead.email }}\n  due: 1 business day\n",
        ),
        ActionSpec(
            "notify",
            NotifyParams,
            "job",
            "who",
            "tells the owner, the manager, a person or a channel",
            "- notify: owner\n  message: '{{ lead.email }} is ready for a call'\n",
        ),
        ActionSpec(
            "webhook",
            WebhookParams,
            "job",
            "url",
            "calls out, signed; 429 and 5xx retry, other 4xx do not",
            "- webhook: https://crm.example.com/leads/{{ lead.id }}\n"
            "  headers: {Authorization: 'Bearer ${CRM_TOKEN}'}\n"
            "  json: {stage: '{{ lead.stage }}', score: '{{ lead.score }}'}\n"
            "  save: crm\n",
        ),
        ActionSpec(
            "deal",
            DealParams,
            "inline",
            "fields",
            "opens a deal for the lead; later steps know it as `deal.`",
            "- deal: {name: 'Licenses, {{ lead.company }}', amount: 12000, stage: b2b.qualify}\n",
        ),
        ActionSpec(
            "enroll",
            EnrollParams,
            "inline",
            "playbook",
            "starts another playbook for the same record",
            "- enroll: onboarding\n",
        ),
        ActionSpec(
            "leave",
            LeaveParams,
            "inline",
            "playbook",
            "ends another playbook for the same record",
            "- leave: onboarding\n",
        ),
        ActionSpec(
            "unsubscribe",
            UnsubscribeParams,
            "inline",
            "topic",
            "stops marketing to the lead, about everything or a topic, the reason kept",
            "- unsubscribe: all\n",
        ),
    )
}


def resolve(
    spec: ActionSpec, params: Frozen, send: SendDefaults, pipelines: Mapping[str, object]
) -> Frozen:
    """The parameters with the playbook's defaults laid under them."""
    if isinstance(params, EmailParams):
        return _email(params, send)
    if isinstance(params, AssignParams) and "unless_owned" not in params.model_fields_set:
        return params.model_copy(update={"unless_owned": not params.exclude_current})
    if isinstance(params, StageParams):
        pipeline, _, stage = params.stage.partition(".")
        if stage and pipeline in pipelines:
            return params.model_copy(update={"stage": stage, "pipeline": pipeline})
    return params


def _email(params: EmailParams, send: SendDefaults) -> EmailParams:
    written = params.model_fields_set
    found: dict[str, object] = {}
    if params.as_ == "transactional":
        found |= {"topic": "", "window": None}
        if "in_doubt" not in written:
            found["in_doubt"] = "resend"
    inherited = ("over_cap", "expires") if found else ("topic", "window", "over_cap", "expires")
    found |= {name: getattr(send, name) for name in inherited if name not in written}
    if send.via and "via" not in written:
        found["via"] = send.via
    if "track" not in written and send.track is not None:
        found["track"] = send.track
    return params.model_copy(update=found)


def argument_of(node: MapNode, verb: str) -> str:
    """The verb's argument as one text, for the step's id."""
    value = node.values[verb]
    if isinstance(value, ScalarNode):
        return value.text
    if verb == "deal" and isinstance(value, MapNode):
        named = value.values.get("name")
        return named.text if isinstance(named, ScalarNode) else ""
    if isinstance(value, MapNode) and ACTIONS.get(verb) and ACTIONS[verb].main == "fields":
        return " ".join(value.keys)
    if isinstance(value, MapNode):
        return " ".join(
            f"{key} {item.text}"
            for key, item in value.values.items()
            if isinstance(item, ScalarNode)
        )
    texts = (item.text for item in value.items if isinstance(item, ScalarNode))
    return " ".join(texts)
