"""Previews: a mail as one lead would get it, made by what makes the real ones; nothing is sent.

Links in it are not tracked, and lead where they lead; the one to unsubscribe belongs to nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.errors import NotFoundError
from engine.ids import JobId, message_id
from engine.mail.catcher import CaughtMail, taken_apart
from engine.mail.facts import inspect_template
from engine.mail.links import LinkSigner
from engine.operations import published
from engine.operations.editions import Folder
from engine.operations.letters import Writer
from engine.operations.mail_samples import sample_deal, sample_lead
from engine.operations.published import Current
from engine.operations.recipients import Recipient
from engine.operations.scopes import load_deals, load_facts, load_histories, scope_of
from engine.operations.windows import Letter
from engine.playbook.actions import EmailParams
from engine.playbook.plan import Plan, Send
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import History, Value
from engine.runtime.sending import Mailing
from engine.store import deals
from engine.store.database import Transaction
from engine.store.leads import find

_JOB = JobId("0" * 20)
_KEY = b"previews sign nothing that anybody follows"


@dataclass(frozen=True, slots=True)
class Use:
    """A step that sends a template; empty names where none does."""

    template: str
    playbook: str = ""
    step: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    record: str = "lead"

    @property
    def name(self) -> str:
        """`trial-nurture/email-welcome`; empty where no step sends it."""
        return f"{self.playbook}/{self.step}" if self.playbook else ""

    @property
    def is_marketing(self) -> bool:
        """Whether it is advertising, as far as anybody knows."""
        return self.params.get("as", "marketing") == "marketing"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Templates and all that is needed to fill them in.

    Attributes:
        uses: who sends what, by template.
        texts: template files by name.
        carried: the other files beside them.
    """

    current: Current
    uses: Mapping[str, Sequence[Use]]
    texts: Mapping[str, str]
    carried: Mapping[str, bytes]

    def use(self, template: str, step: str = "") -> Use:
        """How a template is sent: by this step, or by the first there is.

        Raises:
            NotFoundError: there is no such template, or that step does not send it.
        """
        if template not in self.uses:
            hint = did_you_mean(template, self.uses)
            raise NotFoundError(f"there is no template '{template[:200]}'", help=hint)
        uses = self.uses[template]
        if not step:
            return uses[0]
        found = [one for one in uses if step in (one.name, one.step, one.playbook)]
        if not found:
            named = [one.name for one in uses if one.name]
            hint = f"it is sent by {', '.join(named[:5])}" if named else "no step sends it"
            raise NotFoundError(f"'{step[:200]}' does not send '{template}'", help=hint)
        return found[0]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who a mail is looked at for, with what is known of that lead."""

    lead: Mapping[str, Value]
    deal: Mapping[str, Value] = field(default_factory=dict)
    history: History | None = None
    is_sample: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.lead.get("email") or self.lead.get("id") or "")


@dataclass(frozen=True, slots=True)
class Preview:
    """A mail as a lead would get it.

    Attributes:
        file: the template file that was taken, which says the language.
        mail: the message, taken apart as a mail program does.
        missing: names that the template prints, and that have no value for this lead.
    """

    use: Use
    file: str
    reader: Reader
    mail: CaughtMail
    missing: tuple[str, ...]


def shelf_of_folder(folder: Folder, current: Current, names: Sequence[str]) -> Shelf:
    """The templates of a workspace's files; `names` are all there are."""
    used = _uses(current.plans)
    uses = {name: used.get(name) or [Use(name)] for name in names}
    return Shelf(current, uses, folder.templates, folder.beside)


def shelf_of_published(tx: Transaction) -> Shelf:
    """The templates that the published playbooks send.

    Raises:
        InputError: nothing is published yet.
    """
    current = published.current(tx)
    texts: dict[str, str] = {}
    carried: dict[str, bytes] = {}
    for digest in current.digests.values():
        texts |= published.templates(tx, digest)
        carried |= published.carried(tx, digest)
    return Shelf(current, _uses(current.plans), texts, carried)


def reader_of(
    tx: Transaction | None, current: Current, lead: str, language: str, now: datetime
) -> Reader:
    """The lead of this address or id, or a sample where none is named.

    Args:
        tx: where leads are looked up; not needed for a sample.
        current: what is published, or would be.
        lead: its address or id; empty: a sample.
        language: looked at in this language, whatever the lead's own is.
        now: the moment.

    Raises:
        NotFoundError: there is no such lead.
    """
    if not lead or tx is None:
        filled = sample_lead(current, language, now)
        return Reader(filled, sample_deal(current, now), is_sample=True)
    found = find(tx, lead)
    if found is None:
        hint = "list them with: longplay leads list"
        raise NotFoundError(f"there is no lead '{lead[:200]}'", help=hint)
    facts = load_facts(tx, current, [found])[str(found)]
    newest = deals.page(tx, lead=str(found), limit=1, custom=current.deal_fields)
    ids = [str(one["id"]) for one in newest]
    deal = next(iter(load_deals(tx, current, ids).values()), {}) if ids else {}
    counted = {name for plan in current.plans.values() for name in plan.history}
    histories = load_histories(tx, [str(found)], sorted(counted)) if counted else {}
    own = {**facts, "language": language} if language else facts
    return Reader(own, deal, histories.get(str(found)))


def preview(
    shelf: Shelf, use: Use, reader: Reader, *, now: datetime, public_url: str = ""
) -> Preview:
    """The mail that `use` would send to `reader` now.

    Raises:
        LongplayError: the template or an address cannot be used.
    """
    letter = letter_of(shelf, use, reader, now=now)
    written = Writer(LinkSigner([_KEY]), public_url or "https://links.example").write(letter)
    raw = written.envelope.content
    to = written.envelope.recipient
    taken = taken_apart(raw, "preview", now, written.envelope.sender, (to,))
    mail = replace(taken, text=taken.text.replace("\r\n", "\n"))
    words = {**letter.scope, **letter.current.words, "data": letter.op.params.get("data") or {}}
    missing = _missing(shelf, written.template, words)
    return Preview(use, written.template, reader, mail, missing)


def letter_of(
    shelf: Shelf, use: Use, reader: Reader, *, now: datetime, to: str = "", job: str = _JOB
) -> Letter:
    """The letter of `use` for `reader`; it belongs to no enrollment, and is in no ledger.

    Args:
        shelf: the templates.
        use: the step that would send it.
        reader: whom it is written for.
        now: the moment.
        to: the address that it goes to; empty: the reader's.
        job: what its Message-ID comes from.
    """
    current = shelf.current
    scope = scope_of(
        current, reader.lead, now=now, history=reader.history, deal=reader.deal, record=use.record
    )
    email = to or str(reader.lead.get("email") or "nobody@example.com")
    params = {**_defaults(use.template), **use.params, "track": {"clicks": False, "opens": False}}
    op = Send(step=use.step or "preview", action="email", params=params)
    mailing = Mailing(wanted=True, address=email, marketing=use.is_marketing)
    return Letter(
        job=job, message_id=message_id(job, current.domain), attempt=1, created_at=now,
        enrollment="", seq=0, op=op, playbook=use.playbook or "preview",
        recipient=Recipient(mailing, name=str(reader.lead.get("full_name") or "")), scope=scope,
        digest="preview", files=shelf.texts, current=current, lead=reader.lead,
        carried=shelf.carried,
    )  # fmt: skip


def _uses(plans: Mapping[str, Plan]) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = {}
    for name in sorted(plans):
        for op in plans[name].ops:
            if isinstance(op, Send) and op.action == "email":
                template = str(op.params["template"])
                use = Use(template, name, op.step, op.params, plans[name].record)
                found.setdefault(template, []).append(use)
    return dict(sorted(found.items()))


def _defaults(template: str) -> dict[str, object]:
    dumped: dict[str, object] = EmailParams(template=template).model_dump(
        mode="json", by_alias=True
    )
    return dumped


def _missing(shelf: Shelf, file: str, words: Mapping[str, object]) -> tuple[str, ...]:
    names = inspect_template(shelf.texts, file).names
    printed = dict.fromkeys(one.name for one in names if one.printed and not one.guarded)
    return tuple(name for name in printed if _is_missing(name, words))


def _is_missing(name: str, words: Mapping[str, object]) -> bool:
    root, *path = name.split(".")
    if root not in words:
        return False
    value: object = words[root]
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value is None or value == ""
