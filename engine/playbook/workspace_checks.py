"""What the sections of `longplay.yaml` must find in each other: names, and good conditions."""

from collections.abc import Iterable

from engine.playbook.call_checks import check_channel
from engine.playbook.catalog import COMPANY_FIELDS, DEAL_FIELDS, EVENT_NAMES, LEAD_FIELDS
from engine.playbook.conditions import condition
from engine.playbook.expressions import Expressions
from engine.playbook.law_checks import check_law
from engine.playbook.lexicon import Lexicon
from engine.playbook.lifecycle_checks import check_lifecycle
from engine.playbook.mail_account_checks import check_mail_accounts
from engine.playbook.nodes import MapNode, Node, ScalarNode
from engine.playbook.providers import destination_of
from engine.playbook.reading import Reader
from engine.playbook.spelling import did_you_mean
from engine.playbook.workspace import Workspace

LATER_SECTIONS = ("sources",)


def check_workspace(workspace: Workspace, reader: Reader) -> None:
    """Reports every name that nothing in the workspace answers to, and every bad condition."""
    _Check(workspace, reader).run()


class _Check:
    def __init__(self, workspace: Workspace, reader: Reader) -> None:
        self._workspace = workspace
        self._reader = reader
        self._expressions = Expressions(Lexicon(workspace), reader)

    def run(self) -> None:
        self._calendars()
        self._people()
        self._assignment()
        self._pipelines()
        check_lifecycle(self._workspace, self._reader, self._expressions)
        self._names()
        self._channels()
        self._destinations()
        check_mail_accounts(self._workspace, self._reader)
        check_law(self._workspace, self._reader)
        self._later()
        if not self._workspace.sender.from_ and "sender" in self._workspace.model_fields_set:
            self._reader.report(
                "sender-without-from",
                "the sender has no 'from'",
                'write `from: "Acme <hello@acme.example>"`',
                self._node("sender").span,
            )

    def _later(self) -> None:
        """Sections that are read and checked, and that nothing comes of in this version."""
        for key in LATER_SECTIONS:
            if key in self._workspace.model_fields_set:
                self._reader.report(
                    "not-yet-supported",
                    f"'{key}' has no effect yet",
                    "it may stay, for a later version",
                    self._key(key).span,
                    severity="warning",
                )

    def _destinations(self) -> None:
        first: dict[str, str] = {}
        for domain in self._workspace.sender.destinations:
            other = first.setdefault(destination_of(domain), domain)
            if other != domain:
                self._reader.report(
                    "same-destination",
                    f"'{domain}' and '{other}' are the same provider's, and have one rate",
                    f"leave out one of them: the rate of '{other}' holds for all its domains",
                    self._node("sender", "destinations", domain).span,
                )

    def _channels(self) -> None:
        for name, channel in self._workspace.channels.items():
            node = self._node("channels", name)
            if isinstance(node, MapNode):
                check_channel(name, channel, node, self._reader)

    def _node(self, *path: str | int) -> Node:
        return self._reader.document.node(path)

    def _key(self, *path: str | int) -> Node:
        """The key at a place."""
        holder = self._node(*path[:-1])
        return holder.keys[str(path[-1])] if isinstance(holder, MapNode) else holder

    def _known(self, kind: str, name: str, known: Iterable[str], *path: str | int) -> None:
        names = list(known)
        if name and name not in names:
            self._reader.report(
                f"unknown-{kind}",
                f"no {kind} named '{name}'",
                did_you_mean(name, names),
                self._node(*path).span,
            )

    def _calendars(self) -> None:
        workspace = self._workspace
        self._known("calendar", workspace.calendar, workspace.calendars, "calendar")
        for name, calendar in workspace.calendars.items():
            if calendar.timezone == "lead":
                self._reader.report(
                    "unknown-timezone",
                    "a calendar has a time zone of its own, not the lead's",
                    "write it like `Asia/Shanghai`",
                    self._node("calendars", name, "timezone").span,
                )

    def _people(self) -> None:
        workspace = self._workspace
        for name, owner in workspace.owners.items():
            here = ("team", "owners", name)
            self._known("owner", owner.manager, workspace.owners, *here, "manager")
            self._known("calendar", owner.calendar, workspace.calendars, *here, "calendar")
            if name in self._above(name):
                chain = " → ".join((name, *self._above(name)))
                who = f"'{name}' is their own manager"
                self._reader.report(
                    "own-manager",
                    who if owner.manager == name else f"{who}, by way of others: {chain}",
                    "leave `manager` out for whoever has none",
                    self._node(*here, "manager").span,
                )
        for name, pool in workspace.pools.items():
            self._among(pool.members, "pools", name, "members")

    def _above(self, name: str) -> list[str]:
        """Whoever stands above a person, the nearest first, each once."""
        owners, found = self._workspace.owners, list[str]()
        while name in owners and (name := owners[name].manager) and name not in found:
            found.append(name)
        return found

    def _among(self, among: tuple[str, ...], *path: str | int) -> None:
        for name in among:
            team = name.removeprefix("team:")
            if team != name:
                self._known("team", team, self._workspace.teams, *path)
            else:
                self._known("owner", name, self._workspace.owners, *path)

    def _assignment(self) -> None:
        for name, rules in self._workspace.assignment.items():
            for number, rule in enumerate(rules):
                here = ("assignment", name, number)
                self._among(rule.among, *here, "among")
                self._known("owner", rule.fallback, self._workspace.owners, *here, "fallback")
                if rule.cond:
                    self._condition(*here, "if")
                first = next((at for at, one in enumerate(rules[:number]) if not one.cond), None)
                if first is not None:
                    self._reader.report(
                        "line-never-reached",
                        f"line {first + 1} of '{name}' has no `if`, so that it takes every lead",
                        "put the line without `if` last",
                        self._node(*here).span,
                        severity="warning",
                    )

    def _pipelines(self) -> None:
        for name, pipeline in self._workspace.pipelines.items():
            seen: set[str] = set()
            for number, stage in enumerate(pipeline.stages):
                here = self._node("pipelines", name, "stages", number)
                if stage.name in seen:
                    self._reader.report(
                        "duplicate-name",
                        f"'{stage.name}' is a stage twice",
                        "leave one out",
                        here.span,
                    )
                seen.add(stage.name)
                for key in ("enter_if", "leave_if"):
                    if getattr(stage, key):
                        path = ("pipelines", name, "stages", number, stage.name, key)
                        self._condition(*path, deal=True)
                for field in stage.requires:
                    path = ("pipelines", name, "stages", number, stage.name, "requires")
                    known = self._expressions.fields_of("deal")
                    self._known("field", field.removeprefix("deal."), known, *path)

    def _names(self) -> None:
        for name in self._workspace.segments:
            self._condition("segments", name)
        records = (("lead", LEAD_FIELDS), ("deal", DEAL_FIELDS), ("company", COMPANY_FIELDS))
        for record, built_in in records:
            for name in getattr(self._workspace.fields, record).keys() & {f.name for f in built_in}:
                self._reader.report(
                    "duplicate-name",
                    f"'{name}' is a field of every {record} already",
                    "leave it out, or give your own another name",
                    self._key("fields", record, name).span,
                )
        if not self._reader.findings.failed:
            self._circles()
        for name in self._workspace.events:
            if name in EVENT_NAMES:
                self._reader.report(
                    "duplicate-name",
                    f"'{name}' is a built-in event",
                    "give your own another name",
                    self._key("events", name).span,
                )

    def _circles(self) -> None:
        """A segment that asks for itself, by way of others, has no answer."""
        segments = self._workspace.segments
        asks = {
            name: self._expressions.segments_in(condition(text)) for name, text in segments.items()
        }
        for name in segments:
            reached, waiting = set[str](), [name]
            while waiting:
                for other in asks[waiting.pop()] - reached:
                    reached.add(other)
                    waiting.append(other)
            if name in reached:
                self._reader.report(
                    "circular-segment",
                    f"the segment '{name}' asks for itself",
                    "write what it means without `segment.`",
                    self._node("segments", name).span,
                )

    def _condition(self, *path: str | int, deal: bool = False) -> None:
        node = self._node(*path)
        if isinstance(node, ScalarNode):
            self._expressions.check(node, record="deal" if deal else "lead", has_event=False)
