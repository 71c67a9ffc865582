"""What `validate` refuses because the law of a country where leads are written to would.

A country counts as written to when `law:` names it, or when a playbook lets in only leads of it.
Whether one lead agreed to be written to is looked at when its mail goes (`engine.runtime`).
"""

import re
from collections.abc import Iterator, Mapping

from engine.playbook.actions import EmailParams
from engine.playbook.jurisdictions import Jurisdiction, jurisdiction_of
from engine.playbook.model import Playbook
from engine.playbook.nodes import MapNode, Node
from engine.playbook.reading import Reader
from engine.playbook.retention import longest
from engine.playbook.templates import TemplateFacts
from engine.playbook.workspace import Workspace

_IS = re.compile(r"lead\.country\s*==\s*['\"]([A-Z]{2})['\"]")
_IN = re.compile(r"lead\.country\s+in\s*\[([^\]]*)\]")
_CODE = re.compile(r"['\"]([A-Z]{2})['\"]")
_MARKS = re.compile(r"[\W_]+")


def check_law(workspace: Workspace, reader: Reader) -> None:
    """Reports what the countries under `law:` do not allow of the workspace itself."""
    for code, law in workspace.law.items():
        rules = jurisdiction_of(code)
        at = reader.document.node(("law", code))
        own = at.values.get("subject_prefix", at) if isinstance(at, MapNode) else at
        if rules.subject_prefix and law.subject_prefix:
            _check_prefix(code, law.subject_prefix, rules, own, reader)
        if rules.postal_address and not workspace.sender.postal_address:
            reader.report(
                "sender-without-address",
                f"marketing mail to {code} must carry a postal address ({rules.source})",
                "write `sender: {postal_address: …}`, and put it into the footer",
                at.span,
            )
        kept = workspace.retention.messages
        if rules.records_days and kept and longest(kept).days < rules.records_days:
            reader.report(
                "records-too-short",
                f"messages to {code} are forgotten after {kept}; "
                f"their records must be kept for {rules.records_days} days ({rules.source})",
                f"write `retention: {{messages: {rules.records_days} days}}` or longer",
                reader.document.node(("retention", "messages")).span,
            )


def _check_prefix(code: str, prefix: str, rules: Jurisdiction, at: Node, reader: Reader) -> None:
    word = _MARKS.sub("", prefix)
    if not word.startswith(rules.marks):
        reader.report(
            "prefix-not-lawful",
            f"the subject of marketing to {code} must begin with "
            f"{' or '.join(rules.marks)} ({rules.source})",
            f"leave it out: it is '{rules.subject_prefix}' then",
            at.span,
        )


class MailLaw:
    """Judges the marketing mails of one playbook by the law of the countries they go to."""

    def __init__(self, playbook: Playbook, workspace: Workspace, reader: Reader) -> None:
        self._workspace = workspace
        self._reader = reader
        self._countries = dict.fromkeys(workspace.law, "error")
        for code in _let_in(playbook, workspace.segments):
            self._countries.setdefault(code, "warning")

    def check(self, params: EmailParams, facts: TemplateFacts, node: MapNode, at: Node) -> None:
        """Reports what is wrong with the mail that a step sends."""
        if params.as_ != "marketing":
            return
        names = {use.name for use in facts.names}
        for code in self._countries:
            self._opens(code, params, node.values.get("track", at))
        self._address(params, names, at)
        if "confirm_url" in names and self._workspace.consent.needed != "assumed":
            self._reader.report(
                "asks-as-marketing",
                f"the mail '{params.template}' asks for a consent, and waits for it itself",
                "write `as: transactional`",
                at.span,
            )

    def _address(self, params: EmailParams, names: set[str], at: Node) -> None:
        """One finding for all countries: the same line mends them all."""
        wanting = [code for code in self._countries if jurisdiction_of(code).postal_address]
        if not wanting or any(name.startswith("sender.postal_address") for name in names):
            return
        asked = any(self._countries[code] == "error" for code in wanting)
        self._reader.report(
            "email-without-address",
            f"the marketing mail '{params.template}' has no postal address, "
            f"which {wanting[0]} asks for ({jurisdiction_of(wanting[0]).source})",
            "put {{ sender.postal_address }} into it or its layout",
            at.span,
            severity="error" if asked else "warning",
        )

    def _opens(self, code: str, params: EmailParams, at: Node) -> None:
        rules = jurisdiction_of(code)
        if rules.opens and params.track.opens is True:
            self._reader.report(
                "opens-without-consent",
                f"{code} asks for a consent of its own before openings are looked at",
                "write `track: {opens: consent}`",
                at.span,
            )


def _let_in(playbook: Playbook, segments: Mapping[str, str]) -> Iterator[str]:
    """The countries that the playbook's own conditions of entry name."""
    texts = [playbook.enroll.cond]
    for item in playbook.enroll.when:
        texts += [item.cond, item.segment, segments.get(item.segment, "")]
    for text in texts:
        yield from _IS.findall(text)
        for listed in _IN.findall(text):
            yield from _CODE.findall(listed)
