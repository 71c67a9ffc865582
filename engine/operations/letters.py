"""Writing a message: from a claimed job to the bytes on the wire. Outside any transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.mail.addresses import Address, address, parse_address
from engine.mail.attachments import Attachment
from engine.mail.enclosing import enclosed
from engine.mail.law import subject_for
from engine.mail.links import LinkKind, LinkSigner
from engine.mail.message import OutgoingMessage
from engine.mail.render import RenderedEmail, Templates, Tracking, render_text
from engine.mail.return_path import ReturnSigner
from engine.mail.transports.port import Envelope
from engine.operations.answerable import telling_of
from engine.operations.windows import Letter
from engine.runtime.consenting import may_see_opens

_KEPT_TEMPLATES = 256
_MOST_TEXT = 200_000


@dataclass(slots=True)
class Written:
    """A message ready for the transport."""

    envelope: Envelope
    subject: str
    template: str
    links: tuple[str, ...] = ()


@dataclass(slots=True)
class Writer:
    """Writes messages, with compiled templates kept by the plan that pins them.

    Args:
        signer: signs the links.
        public_url: where our web server is reached from outside, without a slash at the end.
        returns: signs return paths, for workspaces that say where mail comes back to.
    """

    signer: LinkSigner
    public_url: str
    returns: ReturnSigner | None = None
    _templates: dict[str, Templates] = field(default_factory=dict)

    def write(self, letter: Letter) -> Written:
        """The bytes of a letter; the same on every attempt.

        Raises:
            LongplayError: the template or an address cannot be used.
        """
        if letter.op.action == "notify":
            return self._notice(letter)
        return self._email(letter)

    def _email(self, letter: Letter) -> Written:
        params = letter.op.params
        current = letter.current
        marketing = params.get("as", "marketing") == "marketing"
        unsubscribe = self._url(LinkKind.UNSUBSCRIBE, letter.job)
        templates = self._templates_of(letter)
        scope = {
            **letter.scope,
            **current.words,
            "unsubscribe_url": unsubscribe,
            "preferences_url": unsubscribe,
            "data": _filled_tree(params.get("data"), letter.scope),
        }
        if templates.may_say("confirm_url"):  # few do, and signing costs
            scope["confirm_url"] = self._url(LinkKind.CONFIRM, letter.job)
        languages = (str(letter.lead.get("language") or ""), current.workspace.language)
        rendered = templates.render(
            str(params["template"]),
            scope,
            languages=[one for one in languages if one],
            subject=_subject(params.get("subject"), languages, letter.scope),
            tracking=self._tracking(letter),
        )
        kind: Literal["marketing", "transactional"] = "marketing" if marketing else "transactional"
        country = str(letter.lead.get("country") or "")
        subject = subject_for(country, rendered.subject, kind, current.subject_prefixes)
        sender = _address(params.get("from"), letter.scope) or current.sender
        reply_to = _address(params.get("reply_to") or current.workspace.sender.reply_to, scope)
        message = OutgoingMessage(
            key=letter.job,
            message_id=letter.message_id,
            date=letter.created_at,
            sender=sender,
            to=address(letter.recipient.mailing.address, letter.recipient.name),
            subject=subject,
            html=rendered.html,
            text=rendered.text,
            kind=kind,
            reply_to=reply_to,
            unsubscribe_url=unsubscribe if marketing else "",
            list_id=f"{letter.playbook}.{current.domain}" if marketing else "",
            attachments=_enclosed(letter, rendered, languages) if letter.carried else (),
            feedback_id=f"{letter.op.step}:{letter.playbook}:{current.workspace.workspace}",
        )
        path = self._return_path(letter, sender)
        envelope = Envelope(path, message.to.email, message.as_bytes(), letter.message_id)
        return Written(envelope, subject, rendered.template, rendered.links)

    def _return_path(self, letter: Letter, sender: Address) -> str:
        """The same on every attempt, because greylisting goes by it."""
        bounces = letter.current.workspace.sender.bounces
        if not bounces or self.returns is None:
            return sender.email
        return self.returns.address(bounces, letter.job)

    def _notice(self, letter: Letter) -> Written:
        current = letter.current
        subject, html, text, pictures = self._told(letter)
        message = OutgoingMessage(
            key=letter.job,
            message_id=letter.message_id,
            date=letter.created_at,
            sender=current.sender,
            to=address(letter.recipient.mailing.address, letter.recipient.name),
            subject=subject,
            html=html,
            text=text,
            kind="notice",
            attachments=pictures,
        )
        envelope = Envelope(
            current.sender.email, message.to.email, message.as_bytes(), letter.message_id
        )
        return Written(envelope, subject, "")

    def _told(self, letter: Letter) -> tuple[str, str, str, tuple[Attachment, ...]]:
        """What a notice says: subject, HTML and text, and the pictures in it."""
        telling = telling_of(letter, self.signer, self.public_url)
        if letter.said and letter.said[0].text:
            body = telling.text(letter.said, _MOST_TEXT)
            return telling.subject(letter.said), telling.html(letter.said), body, ()
        subject, html, text, pictures = self._own_words(letter)
        for one in letter.said:
            html = _before_the_end(html, telling.buttons(one))
            text += "".join(f"\n\n{label}: {url}" for label, url in telling.answers(one))
        return subject, html, text, pictures

    def _own_words(self, letter: Letter) -> tuple[str, str, str, tuple[Attachment, ...]]:
        """What the step itself says."""
        params, current = letter.op.params, letter.current
        if params.get("template"):
            languages = (str(letter.lead.get("language") or ""), current.workspace.language)
            rendered = self._templates_of(letter).render(
                str(params["template"]),
                {**letter.scope, **current.words},
                languages=[one for one in languages if one],
            )
            shown = _enclosed(letter, rendered, languages) if letter.carried else ()
            return rendered.subject, rendered.html, rendered.text, shown
        text = render_text(str(params.get("message") or ""), letter.scope)
        text = text or f"{letter.lead.get('full_name') or letter.lead.get('email') or letter.job}"
        return text.partition("\n")[0][:120], f"<p>{_escaped(text)}</p>", text, ()

    def _tracking(self, letter: Letter) -> Tracking | None:
        track = letter.op.params.get("track")
        clicks = track.get("clicks", True) if isinstance(track, Mapping) else True
        asked = track.get("opens", "consent") if isinstance(track, Mapping) else "consent"
        opens = may_see_opens(asked, letter.lead)
        if not clicks and not opens:
            return None
        job = letter.job
        return Tracking(
            click=(lambda index: self._url(LinkKind.CLICK, job, index)) if clicks else None,
            pixel=f"{self._url(LinkKind.OPEN, job)}.gif" if opens else "",
        )

    def _url(self, kind: LinkKind, job: str, index: int = 0) -> str:
        return f"{self.public_url}/{kind.value}/{self.signer.token(kind, job, index)}"

    def _templates_of(self, letter: Letter) -> Templates:
        found = self._templates.get(letter.digest)
        if found is None:
            if len(self._templates) >= _KEPT_TEMPLATES:
                self._templates.clear()
            found = self._templates[letter.digest] = Templates(letter.files, letter.carried)
        return found


def _before_the_end(html: str, more: str) -> str:
    body, end, rest = html.rpartition("</body>")
    return f"{body}{more}{end}{rest}" if end else html + more


def _enclosed(
    letter: Letter, rendered: RenderedEmail, languages: Sequence[str]
) -> tuple[Attachment, ...]:
    """The pictures that a page shows, and the files that its step attaches, in its language."""
    written = letter.op.params.get("attach")
    names = written if isinstance(written, list | tuple) else ()
    return enclosed(letter.carried, rendered.pictures, [str(name) for name in names], languages)


def _subject(
    written: object, languages: tuple[str, ...], scope: Mapping[str, object]
) -> str | None:
    if isinstance(written, Mapping):
        wanted = [one for language in languages for one in (language, language.split("-")[0])]
        key = next((one for one in wanted if one in written), None)
        written = written[key] if key else next(iter(written.values()), None)
    return render_text(str(written), scope) if written else None


def _address(written: object, scope: Mapping[str, object]) -> Address | None:
    return parse_address(render_text(str(written), scope)) if written else None


def _filled_tree(tree: object, scope: Mapping[str, object]) -> object:
    if isinstance(tree, str):
        return render_text(tree, scope)
    if isinstance(tree, Mapping):
        return {name: _filled_tree(value, scope) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_filled_tree(value, scope) for value in tree]
    return tree if tree is not None else {}


def _escaped(text: str) -> str:
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\n", "<br>")):
        text = text.replace(sign, entity)
    return text
